// Express with one response of 1 KB in apicache's memory. Arguments: port; "plain" leaves the cache out.
"use strict";

const express = require("express");
const apicache = require("apicache");

const BODY = "x".repeat(1024);
const app = express();
app.disable("x-powered-by");

function kilobyte(request, response) {
  response.set("Cache-Control", "public, max-age=3600");
  response.type("text/plain").send(BODY);
}

if (process.argv[3] === "plain") {
  app.get("/kilobyte", kilobyte);
} else {
  app.get("/kilobyte", apicache.middleware("1 hour"), kilobyte);
}
const server = app.listen(Number(process.argv[2]), "127.0.0.1", 2048);
server.keepAliveTimeout = 120_000;
