import type { UploadMetadata } from "@openworkers/client";
import type { SourceModule } from "../../editor/deploy.ts";

/** What a new worker begins with. */
export interface Template {
  /** The worker's name unless another one is typed. */
  readonly id: string;
  readonly name: string;
  readonly text: string;
  /** The first is the main one. */
  readonly modules: readonly SourceModule[];
  /** What it is bound to, and when it runs. */
  readonly metadata: Pick<UploadMetadata, "bindings" | "crons">;
}

const one = (content: string): SourceModule[] => [{ name: "index.ts", content }];

const hello = `export default {
  async fetch(request): Promise<Response> {
    const { pathname } = new URL(request.url);
    console.log("asked for", pathname);
    return new Response("Hello, world!\\n");
  },
} satisfies ExportedHandler<Env>;
`;

const routes = `import { Router } from "./router.ts";

const router = new Router()
  .on("GET", "/", () => new Response("Try /hello/you, or POST numbers to /sum.\\n"))
  .on("GET", "/hello/:name", ({ params }) => Response.json({ message: \`Hello, \${params["name"]}!\` }))
  .on("POST", "/sum", async ({ request }) => {
    const numbers: unknown = await request.json().catch(() => undefined);
    if (!Array.isArray(numbers) || !numbers.every((value) => typeof value === "number")) {
      return Response.json({ error: "Send a JSON array of numbers." }, { status: 400 });
    }
    return Response.json({ sum: numbers.reduce((sum: number, value: number) => sum + value, 0) });
  });

export default {
  fetch: (request) => router.answer(request),
} satisfies ExportedHandler<Env>;
`;

const router = `export interface Call {
  readonly request: Request;
  /** What stood where the path has \`:name\`. */
  readonly params: Readonly<Record<string, string | undefined>>;
}
type Handler = (call: Call) => Response | Promise<Response>;

/** Finds who answers a method and a path. */
export class Router {
  readonly #routes: { method: string; pattern: URLPattern; handler: Handler }[] = [];

  on(method: string, pathname: string, handler: Handler): this {
    this.#routes.push({ method, pattern: new URLPattern({ pathname }), handler });
    return this;
  }

  async answer(request: Request): Promise<Response> {
    for (const { method, pattern, handler } of this.#routes) {
      const match = method === request.method ? pattern.exec(request.url) : null;
      if (match !== null) return handler({ request, params: match.pathname.groups });
    }
    return Response.json({ error: "Nothing is here." }, { status: 404 });
  }
}
`;

const counter = `/** Counts the visits of each path. Two at once may be counted as one: KV has no transactions. */
export default {
  async fetch(request, env): Promise<Response> {
    const { pathname } = new URL(request.url);
    const visits = Number((await env.COUNTS.get(pathname)) ?? 0) + 1;
    await env.COUNTS.put(pathname, String(visits));
    return Response.json({ path: pathname, visits });
  },
} satisfies ExportedHandler<Env>;
`;

const cron = `/** Notes every run for a day; requests are shown what was noted. */
export default {
  async scheduled(controller, env): Promise<void> {
    const due = new Date(controller.scheduledTime).toISOString();
    await env.RUNS.put(due, controller.cron, { expirationTtl: 86_400 });
    console.log("ran for", due);
  },

  async fetch(_request, env): Promise<Response> {
    const { keys } = await env.RUNS.list();
    return Response.json({ runs: keys.map(({ name }) => name) });
  },
} satisfies ExportedHandler<Env>;
`;

const sse = `const page = \`<!doctype html>
<meta charset="utf-8"><title>Events</title>
<h1>Events</h1>
<ol></ol>
<script>
  new EventSource("/events").onmessage = ({ data }) =>
    document.querySelector("ol").append(Object.assign(document.createElement("li"), { textContent: data }));
</script>\`;

/** Ten events, a second apart; it stops by itself when the client has gone. */
function events(): Response {
  const encoder = new TextEncoder();
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sent > 0) await scheduler.wait(1_000);
      sent += 1;
      controller.enqueue(encoder.encode(\`id: \${sent}\\ndata: \${new Date().toISOString()}\\n\\n\`));
      if (sent === 10) controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } });
}

export default {
  fetch(request): Response {
    if (new URL(request.url).pathname === "/events") return events();
    return new Response(page, { headers: { "content-type": "text/html" } });
  },
} satisfies ExportedHandler<Env>;
`;

const webSocket = `const page = \`<!doctype html>
<meta charset="utf-8"><title>Echo</title>
<form><input autofocus aria-label="Message"><button>Send</button></form>
<ul></ul>
<script>
  const socket = new WebSocket(location.href.replace(/^http/, "ws"));
  const [form, input, list] = ["form", "input", "ul"].map((name) => document.querySelector(name));
  form.onsubmit = (event) => { event.preventDefault(); socket.send(input.value); input.value = ""; };
  socket.onmessage = ({ data }) =>
    list.append(Object.assign(document.createElement("li"), { textContent: data }));
</script>\`;

/** Sends back what it is sent. */
export default {
  fetch(request): Response {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return new Response(page, { headers: { "content-type": "text/html" } });
    }
    const { 0: client, 1: server } = new WebSocketPair();
    server.accept();
    server.addEventListener("message", ({ data }) => server.send(data));
    return new Response(null, { status: 101, webSocket: client });
  },
} satisfies ExportedHandler<Env>;
`;

const html = `/** Text as HTML shows it: never put into a page what somebody sent without this. */
function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => \`&#\${character.charCodeAt(0)};\`);
}

function page(name: string): string {
  return \`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Hello</title>
<style>body { font: 16px/1.6 system-ui; max-width: 32rem; margin: 4rem auto; padding: 0 1rem; }</style>
<h1>Hello, \${escape(name)}!</h1>
<form><label>Your name <input name="name" value="\${escape(name)}"></label> <button>Say hello</button></form>
</html>\`;
}

export default {
  fetch(request): Response {
    const name = new URL(request.url).searchParams.get("name") ?? "world";
    return new Response(page(name), { headers: { "content-type": "text/html; charset=utf-8" } });
  },
} satisfies ExportedHandler<Env>;
`;

const rateLimit = `/** Ten requests in ten seconds for each address; then they are told to wait. */
export default {
  async fetch(request, env): Promise<Response> {
    const address = request.headers.get("cf-connecting-ip") ?? "unknown";
    const { success } = await env.LIMITER.limit({ key: address });
    if (!success) return new Response("Too many requests.\\n", { status: 429, headers: { "retry-after": "10" } });
    return new Response("Welcome.\\n");
  },
} satisfies ExportedHandler<Env>;
`;

export const templates: readonly Template[] = [
  {
    id: "hello",
    name: "Hello, world",
    text: "Answers every request with a line of text.",
    modules: one(hello),
    metadata: {},
  },
  {
    id: "router",
    name: "Router",
    text: "A JSON API with methods, paths and parameters, in two modules.",
    modules: [
      { name: "index.ts", content: routes },
      { name: "router.ts", content: router },
    ],
    metadata: {},
  },
  {
    id: "counter",
    name: "KV counter",
    text: "Counts visits in a KV namespace, which is made with it.",
    modules: one(counter),
    metadata: { bindings: { COUNTS: { kind: "kv" } } },
  },
  {
    id: "cron",
    name: "Cron",
    text: "Runs every five minutes and shows when it ran; with a KV namespace.",
    modules: one(cron),
    metadata: { bindings: { RUNS: { kind: "kv" } }, crons: ["*/5 * * * *"] },
  },
  {
    id: "page",
    name: "HTML page",
    text: "Renders a page with a form, safely.",
    modules: one(html),
    metadata: {},
  },
  {
    id: "events",
    name: "Server-sent events",
    text: "Streams events to a page while they happen.",
    modules: one(sse),
    metadata: {},
  },
  {
    id: "echo",
    name: "WebSocket",
    text: "Sends back what a page sends over a WebSocket.",
    modules: one(webSocket),
    metadata: {},
  },
  {
    id: "limited",
    name: "Rate limit",
    text: "Turns away who asks too often, by address.",
    modules: one(rateLimit),
    metadata: {
      bindings: {
        LIMITER: { kind: "rate-limit", settings: { namespace: "requests", limit: 10, periodSeconds: 10 } },
      },
    },
  },
];
