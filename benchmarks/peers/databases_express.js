// Express with pg's pool: a query a request, prepared by name. Argument: port.
"use strict";

const express = require("express");
const { Pool } = require("pg");

const pool = new Pool({ connectionString: process.env.BENCH_DATABASE, max: 10, min: 10 });
const app = express();
app.disable("x-powered-by");

app.get("/items/:item", async (request, response) => {
  const item = Number(request.params.item);
  if (!Number.isInteger(item)) {
    response.status(400).json({ detail: "item must be an integer" });
    return;
  }
  const { rows } = await pool.query({
    name: "item",
    text: "SELECT item, name, price, stock FROM items WHERE item = $1",
    values: [item],
  });
  rows.length ? response.json(rows[0]) : response.status(404).json({ detail: "no such item" });
});
const server = app.listen(Number(process.argv[2]), "127.0.0.1", 2048);
server.keepAliveTimeout = 120_000;
