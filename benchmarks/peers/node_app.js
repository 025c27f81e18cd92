// No framework: Node's own http server and JSON.stringify, to show what Node itself can carry.
"use strict";

const http = require("node:http");

const server = http.createServer((request, response) => {
  if (!request.url.startsWith("/items/")) {
    response.writeHead(404, { "content-length": 0 }).end();
    return;
  }
  const id = Number(request.url.slice(7));
  const body = JSON.stringify({ id, name: `item ${id}`, price: id + 0.5, tags: ["blue", "small"], in_stock: true });
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
});
server.keepAliveTimeout = 120_000;
server.listen(Number(process.argv[2]), "127.0.0.1", 2048);
