export default {
  fetch(request) {
    if (new URL(request.url).pathname === "/loop") for (;;);
    return new Response("ready\n");
  },
};
