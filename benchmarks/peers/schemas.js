// The bodies of every case as JSON Schema: Fastify compiles them itself, Express has ajv compile them.
"use strict";

const integer = { type: "integer" };
const number = { type: "number" };
const string = { type: "string" };
const boolean = { type: "boolean" };

const object = (properties) => ({ type: "object", required: Object.keys(properties), properties });
const array = (items) => ({ type: "array", items });

exports.params = object({ id: integer });
exports.item = object({ id: integer, name: string, price: number, tags: array(string), in_stock: boolean });
exports.receipt = object({ id: integer, total: number, lines: integer });
exports.order = object({
  id: integer,
  placed_at: { type: "string", format: "date-time" },
  currency: string,
  gift: boolean,
  priority: integer,
  notes: string,
  customer: object({ id: integer, name: string, email: string, vip: boolean }),
  address: object({ street: string, city: string, postcode: string, country: string }),
  lines: array(object({ sku: string, quantity: integer, unit_price: number })),
  totals: object({ net: number, tax: number, gross: number }),
});
