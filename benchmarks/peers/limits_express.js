// Express with express-rate-limit in Redis, by address; the limit is never reached. Arguments: port, Redis' URL.
"use strict";

const express = require("express");
const { rateLimit } = require("express-rate-limit");
const { RedisStore } = require("rate-limit-redis");
const { createClient } = require("redis");

async function main() {
  const client = createClient({ url: process.argv[3] });
  await client.connect();
  const app = express();
  app.disable("x-powered-by");
  app.use(
    rateLimit({
      windowMs: 60_000,
      limit: 100_000_000,
      standardHeaders: "draft-8",
      legacyHeaders: false,
      store: new RedisStore({ sendCommand: (...parts) => client.sendCommand(parts) }),
    }),
  );
  app.get("/items/:id", (request, response) => {
    const id = Number(request.params.id);
    if (!Number.isInteger(id)) {
      response.status(400).json({ detail: "id must be an integer" });
      return;
    }
    response.json({ id, name: `item ${id}`, price: id + 0.5, tags: ["blue", "small"], in_stock: true });
  });
  const server = app.listen(Number(process.argv[2]), "127.0.0.1", 2048);
  server.keepAliveTimeout = 120_000;
}

main();
