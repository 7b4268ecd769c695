const page = `<!doctype html><meta charset="utf-8"><title>Streaming</title><h1>Events</h1><ol></ol>
<script>new EventSource("/events?count=10").onmessage = (event) =>
  document.querySelector("ol").append(Object.assign(document.createElement("li"), { textContent: event.data }))
</script>`;

/** `count` server-sent events, `everyMs` apart. Stops by itself when the client has gone. */
function events(count: number, everyMs: number): Response {
  const encoder = new TextEncoder();
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sent > 0) await scheduler.wait(everyMs);
      sent += 1;
      controller.enqueue(encoder.encode(`id: ${sent}\ndata: event ${sent} of ${count}\n\n`));
      if (sent === count) controller.close();
    },
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
  });
}

/** What comes in goes out in upper case while it is still coming in. */
function upperCase(body: ReadableStream<Uint8Array>): Response {
  const change = new TransformStream<string, string>({
    transform: (text, controller) => controller.enqueue(text.toUpperCase()),
  });
  return new Response(
    body.pipeThrough(new TextDecoderStream()).pipeThrough(change).pipeThrough(new TextEncoderStream()),
    { headers: { "content-type": "text/plain; charset=utf-8" } },
  );
}

function numberOf(text: string | null, fallback: number, most: number): number {
  const value = Number(text ?? fallback);
  return Number.isInteger(value) && value > 0 ? Math.min(value, most) : fallback;
}

export default {
  fetch(request: Request): Response {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/") return new Response(page, { headers: { "content-type": "text/html" } });
    if (pathname === "/events") {
      return events(
        numberOf(searchParams.get("count"), 10, 1_000),
        numberOf(searchParams.get("every"), 1_000, 10_000),
      );
    }
    if (pathname === "/upper" && request.body !== null) return upperCase(request.body);
    return new Response("GET /events?count=&every= or POST /upper\n", { status: 404 });
  },
} satisfies ExportedHandler;
