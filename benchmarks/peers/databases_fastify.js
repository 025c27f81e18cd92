// Fastify with pg's pool: a query a request, prepared by name, with schemas. Argument: port.
"use strict";

const fastify = require("fastify")({ keepAliveTimeout: 120_000 });
const { Pool } = require("pg");

const pool = new Pool({ connectionString: process.env.BENCH_DATABASE, max: 10, min: 10 });
const integer = { type: "integer" };
const item = {
  type: "object",
  properties: { item: integer, name: { type: "string" }, price: { type: "number" }, stock: integer },
};
const order = {
  type: "object",
  required: ["item", "name", "quantity"],
  properties: { item: integer, name: { type: "string" }, quantity: integer },
};

fastify.get(
  "/items/:item",
  { schema: { params: { type: "object", properties: { item: integer } }, response: { 200: item } } },
  async (request, reply) => {
    const { rows } = await pool.query({
      name: "item",
      text: "SELECT item, name, price, stock FROM items WHERE item = $1",
      values: [request.params.item],
    });
    return rows.length ? rows[0] : reply.code(404).send({ detail: "no such item" });
  },
);

fastify.post(
  "/orders",
  { schema: { body: order, response: { 200: { ...order, properties: { ...order.properties, id: integer } } } } },
  async (request) => {
    const { item, name, quantity } = request.body;
    const { rows } = await pool.query({
      name: "order",
      text: "INSERT INTO orders (item, name, quantity) VALUES ($1, $2, $3) RETURNING id",
      values: [item, name, quantity],
    });
    return { id: rows[0].id, item, name, quantity };
  },
);

fastify.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 2048 });
