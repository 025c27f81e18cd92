// Fastify as a proxy before BENCH_UPSTREAM. Argument: port.
"use strict";

const fastify = require("fastify")({ keepAliveTimeout: 120_000 });

fastify.register(require("@fastify/http-proxy"), { upstream: process.env.BENCH_UPSTREAM, undici: { connections: 64 } });
fastify.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 2048 });
