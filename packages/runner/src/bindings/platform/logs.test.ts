import { afterAll, beforeAll, expect, test } from "bun:test";
import { type PlatformRig, platformRig } from "./testing/platform-rig.ts";

/** Stands for the logs service's socket; what it is asked is what counts here. */
const asked: { path: string; headers: Headers }[] = [];
const left = Promise.withResolvers<void>();
let push: ((text: string) => void) | undefined;
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  fetch(request) {
    const { pathname, search } = new URL(request.url);
    asked.push({ path: pathname + search, headers: request.headers });
    if (request.headers.get("authorization") !== "Bearer owlt_good") {
      return Response.json({ error: { code: "UNAUTHORIZED" } }, { status: 401 });
    }
    if (pathname === "/away") return Response.redirect("http://127.0.0.1:1/elsewhere");
    request.signal.addEventListener("abort", () => left.resolve());
    const body = new ReadableStream<string>({
      start(controller) {
        push = (text) => controller.enqueue(text);
        push("event: connected\n\n");
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream", "set-cookie": "a=b" } });
  },
});

let rig: PlatformRig;
beforeAll(async () => {
  rig = await platformRig({ logsUrl: server.url.href });
}, 60_000);
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await server.stop(true);
});

test("a stream of logs passes through a cell as it comes, and ends with whoever reads it", async () => {
  const inside = ({ PLATFORM }: { PLATFORM: { fetch: typeof fetch } }, request: Request) =>
    PLATFORM.fetch("http://platform/logs/workers/7/logs?level=warn", {
      headers: { "x-log-token": "owlt_good", "last-event-id": "12" },
      signal: request.signal,
    });
  await using cell = await rig.start(inside as never);
  const leaving = new AbortController();
  const answer = await cell.fetch("/", { signal: leaving.signal });
  expect([answer.headers.get("content-type"), answer.headers.get("set-cookie")]).toEqual([
    "text/event-stream",
    null,
  ]);
  const reader = answer.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const until = async (words: string) => {
    while (!text.includes(words)) text += decoder.decode((await reader?.read())?.value);
  };
  await until("connected");
  push?.("data: first\n\n");
  await until("first");
  push?.("data: second\n\n");
  await until("second");
  expect(asked.at(-1)).toMatchObject({ path: "/workers/7/logs?level=warn" });
  expect(asked.at(-1)?.headers.get("last-event-id")).toBe("12");
  leaving.abort();
  await left.promise;
});

test("the logs service judges the token, and is not left by a path or a redirect", async () => {
  const refused = await rig.ask("/logs/logs", "owlt_good");
  // A credential of the API's is none of the logs service's.
  expect([refused.status, asked.at(-1)?.headers.get("authorization")]).toEqual([401, null]);
  const away = await rig.ask("/logs/away", undefined, { headers: { "x-log-token": "owlt_good" } });
  expect([away.status, away.headers.get("location")]).toEqual([302, null]);
  for (const path of ["/logs//127.0.0.1:1/x", "/logs/http://127.0.0.1:1/", "/logs/\\\\127.0.0.1:1\\x"]) {
    const before = asked.length;
    expect([path, (await rig.ask(path, undefined)).status]).toEqual([path, 401]);
    expect(asked).toHaveLength(before + 1);
  }
});

test("without a logs service, or one that answers, it says so", async () => {
  const code = async (other: PlatformRig) => {
    const answer = await other.ask("/logs/logs", undefined);
    return [answer.status, ((await answer.json()) as { code: string }).code];
  };
  await using none = await platformRig();
  expect(await code(none)).toEqual([503, "OVERLOADED"]);
  await using gone = await platformRig({ logsUrl: "http://127.0.0.1:1/" });
  expect(await code(gone)).toEqual([503, "OVERLOADED"]);
}, 60_000);
