// Express: express.json() and an ajv validator compiled at start, its usual companions; X-Powered-By is off.
"use strict";

const Ajv = require("ajv");
const addFormats = require("ajv-formats");
const express = require("express");
const schemas = require("./schemas.js");

const app = express();
app.disable("x-powered-by");
const validOrder = addFormats(new Ajv()).compile(schemas.order);

function item(request, response) {
  const id = Number(request.params.id);
  if (!Number.isInteger(id)) {
    response.status(400).json({ detail: "id must be an integer" });
    return;
  }
  response.json({ id, name: `item ${id}`, price: id + 0.5, tags: ["blue", "small"], in_stock: true });
}

app.post("/orders", express.json(), (request, response) => {
  if (!validOrder(request.body)) {
    response.status(422).json({ detail: validOrder.errors });
    return;
  }
  const { id, lines } = request.body;
  const total = lines.reduce((sum, line) => sum + line.quantity * line.unit_price, 0);
  response.json({ id, total, lines: lines.length });
});

app.get("/items/:id", item);
for (let number = 0; number < Number(process.env.BENCH_ROUTES || 0); number++) {
  app.get(`/r${number}/:id`, item);
}

const server = app.listen(Number(process.argv[2]), "127.0.0.1", 2048);
server.keepAliveTimeout = 120_000;
