// Express under overload: 2 ms of work, at once or after a wait of 5 ms. It has no admission of its own.
"use strict";

const express = require("express");

const app = express();
app.disable("x-powered-by");

const work = (request, response) => {
  const end = performance.now() + 2;
  while (performance.now() < end);
  response.json({ done: true });
};

app.get("/work", work);
app.get("/task", (request, response) => setTimeout(work, 5, request, response));

const server = app.listen(Number(process.argv[2]), "127.0.0.1", 2048);
server.keepAliveTimeout = 120_000;
