/** @type {ExportedHandler} */
export default {
  async fetch(request) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/":
        return new Response("Hello, world!\n");
      case "/echo":
        // The body is passed on as a stream: it never has to fit into memory.
        return new Response(request.body, {
          headers: { "content-type": request.headers.get("content-type") ?? "application/octet-stream" },
        });
      case "/old":
        return Response.redirect(new URL("/", url).href, 301);
      default:
        return new Response("Nothing here.\n", { status: 404 });
    }
  },
};
