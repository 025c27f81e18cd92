"""No framework, no server: an asyncio Protocol on uvloop with httptools, the most that Python can reach."""

import asyncio
import sys

import httptools
import msgspec
import uvloop
from models_msgspec import Item

encode = msgspec.json.Encoder().encode
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"


class Connection(asyncio.Protocol):
    __slots__ = ("parser", "transport", "url")

    def connection_made(self, transport):
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_url(self, url):
        self.url = url

    def on_message_complete(self):
        if not self.url.startswith(b"/items/"):
            self.transport.write(NOT_FOUND)
            return
        id = int(self.url[7:])
        body = encode(Item(id=id, name=f"item {id}", price=id + 0.5, tags=["blue", "small"], in_stock=True))
        self.transport.write(HEAD % (len(body), body))


async def serve(port):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
