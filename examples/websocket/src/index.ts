const page = `<!doctype html><meta charset="utf-8"><title>Echo</title><form><input autofocus><button>Send</button></form><ul></ul>
<script>
const socket = new WebSocket(location.href.replace(/^http/, "ws"));
const [form, input, list] = ["form", "input", "ul"].map((name) => document.querySelector(name));
form.onsubmit = (event) => { event.preventDefault(); socket.send(input.value); input.value = ""; };
socket.onmessage = (event) => list.append(Object.assign(document.createElement("li"), { textContent: event.data }));
</script>`;

export default {
  fetch(request: Request): Response {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return new Response(page, { headers: { "content-type": "text/html" } });
    }
    const { 0: client, 1: server } = new WebSocketPair();
    server.binaryType = "arraybuffer"; // a Blob, the default, cannot be sent back as it is
    server.accept();
    server.addEventListener("message", ({ data }) => server.send(data));
    server.addEventListener("close", ({ code, reason }) => {
      // 1005 means that the client gave no code, and must not be sent on (RFC 6455, section 7.4.1).
      if (code === 1005) server.close();
      else server.close(code, reason);
    });
    return new Response(null, { status: 101, webSocket: client });
  },
} satisfies ExportedHandler;
