// Fastify with @fastify/under-pressure under overload: 2 ms of work, at once or after a wait of 5 ms. Refuses from 100 ms
// of event loop delay, a fifth of the objective; at its documentation's 1000 ms it would refuse next to nothing in time.
"use strict";

const { setTimeout } = require("node:timers/promises");
const fastify = require("fastify");
const underPressure = require("@fastify/under-pressure");

const app = fastify({ keepAliveTimeout: 120_000 });
app.register(underPressure, { maxEventLoopDelay: 100, retryAfter: 1 });

const work = async () => {
  const end = performance.now() + 2;
  while (performance.now() < end);
  return { done: true };
};

app.get("/work", work);
app.get("/task", async () => {
  await setTimeout(5);
  return work();
});

app.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 2048 });
