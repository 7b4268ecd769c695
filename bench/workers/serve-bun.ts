const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: () => new Response("Hello, world!\n", { headers: { "content-type": "text/plain" } }),
});
console.log(`listening on ${server.port}`);
