// Fastify: parameters, bodies and results by JSON Schema, compiled at start (ajv and fast-json-stringify).
"use strict";

const fastify = require("fastify");
const schemas = require("./schemas.js");

const app = fastify({ keepAliveTimeout: 120_000 });
const typed = { schema: { params: schemas.params, response: { 200: schemas.item } } };
const placed = { schema: { body: schemas.order, response: { 200: schemas.receipt } } };

async function item(request) {
  const { id } = request.params;
  return { id, name: `item ${id}`, price: id + 0.5, tags: ["blue", "small"], in_stock: true };
}

app.post("/orders", placed, async (request) => {
  const { id, lines } = request.body;
  const total = lines.reduce((sum, line) => sum + line.quantity * line.unit_price, 0);
  return { id, total, lines: lines.length };
});

app.get("/items/:id", typed, item);
for (let number = 0; number < Number(process.env.BENCH_ROUTES || 0); number++) {
  app.get(`/r${number}/:id`, typed, item);
}

app.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 2048 });
