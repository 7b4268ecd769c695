import { createServer } from "node:http";

const server = createServer((_request, response) => {
  response.writeHead(200, { "content-type": "text/plain", "content-length": 14 });
  response.end("Hello, world!\n");
});
server.listen(0, "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
