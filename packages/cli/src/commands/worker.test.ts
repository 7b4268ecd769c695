import { describe, expect, test } from "bun:test";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { sharedPlatform } from "../testing/shared-platform.ts";

const platform = sharedPlatform();
const { home } = platform;

/** A request to a worker, or to a preview (`2--hello`). */
function ask(label: string, path = "/"): Promise<Response> {
  const { port } = platform.ready;
  return fetch(`http://127.0.0.1:${port}${path}`, { headers: { host: `${label}.localhost:${port}` } });
}

/** Asks until the answer is what is expected: a deploy reaches the runner by a notification. */
async function untilAnswer(label: string, expected: string): Promise<void> {
  for (let answer = ""; answer !== expected; answer = await (await ask(label)).text());
}

const answering = (text: string) => `export default { fetch: () => new Response(${JSON.stringify(text)}) };`;

describe("ow deploy", () => {
  test("puts a worker live and prints name, version and address as JSON", async () => {
    await home.folder.write({ "one.ts": answering("first") });
    const deployed = await home.json("deploy", "one.ts", "--message", "the first");
    expect(deployed).toMatchObject({
      worker: "one",
      version: 1,
      url: `http://one.localhost:${platform.ready.port}/`,
      percent: 100,
    });
    await untilAnswer("one", "first");
  });

  test("refuses a worker that does not start, with its own stack trace, and leaves what is live", async () => {
    await home.folder.write({ "kept.ts": answering("kept") });
    await home.json("deploy", "kept.ts");
    await home.folder.write({
      "kept.ts": `interface Config { a: string }\nfunction read(config?: Config): string {\n  if (!config) throw new TypeError("no config");\n  return config.a;\n}\nread();\nexport default {};`,
    });
    const { code, stdout, stderr } = await home.ow(["deploy", "kept.ts"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      /kept does not start; nothing has changed\.[\s\S]*no config[\s\S]*kept\.ts:3:\d+[\s\S]*kept\.ts:6:\d+/,
    );
    expect(await home.json<unknown[]>("versions", "kept")).toHaveLength(1);
    await untilAnswer("kept", "kept");
  });

  test("says which export of the entry module the runtime does not take", async () => {
    await home.folder.write({ "constant.ts": `export const LIMIT = 5;\n${answering("never")}` });
    const { code, stderr } = await home.ow(["deploy", "constant.ts"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("leave out the export of LIMIT")]);
  });

  test("gives the worker the values of dotenv files, and the check at the start has them too", async () => {
    await home.folder.write({
      "values/values.js": `import { env } from "cloudflare:workers";
        if (env.A !== "from file") throw new Error("A is " + env.A);
        export default { fetch: (request, env) => Response.json([env.A, env.S, env.M]) };`,
      "values/wrangler.jsonc": `{ "main": "values.js", "name": "values", "compatibility_date": "2026-11-01", "vars": { "M": { "n": 1 } } }`,
      ".env": "A=from file\n",
      ".secrets": "S=hidden\n",
    });
    const { stderr, code } = await home.ow(["deploy", "values", "--env", ".env", "--secrets", ".secrets"]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    await untilAnswer("values", JSON.stringify(["from file", "hidden", { n: 1 }]));
    expect((await home.ow(["env", "list", "values"])).stdout).not.toContain("hidden");
  });
});

test("a gradual deployment has two versions live, and a rollback one", async () => {
  await home.folder.write({ "two.js": answering("v1") });
  await home.json("deploy", "two.js");
  await home.folder.write({ "two.js": answering("v2") });
  await home.json("deploy", "two.js", "--percent", "50");
  expect(await (await ask("2--two")).text()).toBe("v2");
  const seen = new Set<string>();
  while (seen.size < 2) seen.add(await (await ask("two")).text());
  expect([...seen].sort()).toEqual(["v1", "v2"]);
  await home.json("deployments", "two", "--version", "2");
  expect(await home.json("rollback", "two")).toMatchObject({ version: 1 });
  expect(await home.json<unknown>("deployments", "two")).toMatchObject([
    { shares: [{ version: 1, percent: 100 }] },
    {},
    {},
    {},
  ]);
});

test("a rollback in the middle of a gradual deployment goes back to the version before it", async () => {
  await home.folder.write({ "canary.js": answering("v1") });
  await home.json("deploy", "canary.js");
  await home.folder.write({ "canary.js": answering("v2") });
  await home.json("deploy", "canary.js", "--percent", "10");
  await home.json("deployments", "canary", "--version", "2", "--percent", "60");
  expect(await home.json("rollback", "canary")).toMatchObject({ version: 1 });
});

test("Ctrl-C while a worker is bundled ends ow deploy with 130 and no complaint", async () => {
  await home.folder.write({
    "piped/index.js": `import text from "./pipe.txt"; export default { fetch: () => new Response(text) };`,
  });
  const pipe = join(home.folder.path, "piped/pipe.txt");
  expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
  const deploy = home.start(["deploy", "piped"]);
  // A pipe opens for writing when somebody reads it: the bundler is at work, and waits.
  await using _writer = await open(pipe, "w");
  expect(await deploy.endGroup("SIGINT")).toBe(130);
  expect(deploy.output).not.toContain("error");
});

test("a secret put from standard input reaches the worker and nobody else", async () => {
  await home.folder.write({
    "secret.js": `export default { fetch: (request, env) => new Response(env.TOKEN) };`,
  });
  await home.json("deploy", "secret.js");
  const put = await home.ow(["secret", "put", "secret", "TOKEN"], { stdin: "t0p\n" });
  expect(put).toMatchObject({ code: 0, stdout: "TOKEN is set.\n" });
  await untilAnswer("secret", "t0p");
  expect(await home.json<unknown>("secret", "rotate-key")).toMatchObject({ values: expect.any(Number) });
  await home.json("env", "set", "secret", "OTHER=1");
  await untilAnswer("secret", "t0p");
  const audit = await home.ow(["audit", "--json"]);
  expect(audit.stdout).toContain('"action":"environment.change"');
  expect(audit.stdout).not.toContain("t0p");
});

test("ow tail shows lines, exceptions with the source's position, and requests; a filter leaves the rest out", async () => {
  await home.folder.write({
    "noisy.ts": `interface E {}\nexport default {\n  fetch(request: Request, env: E): Response {\n    console.log("saw", new URL(request.url).pathname);\n    throw new Error("on purpose");\n  },\n};`,
  });
  await home.json("deploy", "noisy.ts");
  const all = home.start(["tail", "noisy"]);
  const failed = home.start(["tail", "--status", "5xx", "--json"]);
  await all.line((text) => text.startsWith("Following noisy"));
  // With --json it says nothing before the first record; the platform knows when it is there.
  await home.readers(2);
  expect((await ask("noisy", "/somewhere")).status).toBe(500);
  // A worker's lines and the record of the invocation come from two places.
  await all.lines(
    /LOG +saw \/somewhere/,
    /ERROR Error: on purpose/,
    /noisy\.ts:5:\d+/,
    /500 .*GET noisy\.localhost.*\/somewhere .*exception/,
  );
  const record = JSON.parse(await failed.line((text) => text.startsWith("{")));
  expect(record).toMatchObject({
    kind: "invocation",
    worker: "noisy",
    version: 1,
    status: 500,
    outcome: "exception",
  });
  expect(await Promise.all([all.end("SIGINT"), failed.end("SIGINT")])).toEqual([0, 0]);
});

test("ow logs shows what was stored, oldest first, by time and filter", async () => {
  await home.folder.write({
    "diary.js": `export default { fetch(request) {
      const { pathname } = new URL(request.url);
      console[pathname === "/3" ? "error" : "log"]("entry", pathname);
      return new Response("written");
    } };`,
  });
  await home.json("deploy", "diary.js");
  await untilAnswer("diary", "written");
  const showSince = async (since: string, ...more: string[]) => {
    const { code, stdout, stderr } = await home.ow(["logs", "diary", "--json", "--since", since, ...more]);
    if (code !== 0) throw new Error(stderr);
    return stdout
      .split("\n")
      .filter((text) => text !== "")
      .map((text) => JSON.parse(text));
  };
  // A line has the time at which the runner read it, which may be after the answer.
  while (!(await showSince("1h")).some(({ kind }) => kind === "line")) await Bun.sleep(50);
  const began = new Date().toISOString();
  for (const path of ["/1", "/2", "/3"]) await ask("diary", path);
  const show = (...more: string[]) => showSince(began, ...more);
  // Stored a moment after it was logged.
  while ((await show()).length < 6) await Bun.sleep(50);
  const all = await show();
  expect(all.filter(({ kind }) => kind === "line").map(({ message }) => message)).toEqual([
    "entry /1",
    "entry /2",
    "entry /3",
  ]);
  expect(all.filter(({ kind }) => kind === "invocation").map(({ path }) => path)).toEqual(["/1", "/2", "/3"]);
  expect(await show("--level", "error")).toMatchObject([{ message: "entry /3" }]);
  expect(await show("--search", "ENTRY", "--limit", "2")).toMatchObject([
    { message: "entry /2" },
    { message: "entry /3" },
  ]);
  expect((await home.ow(["logs", "diary", "--since", began, "--until", "1h"])).code).toBe(2);
  const readable = await home.ow(["logs", "diary", "--kind", "line", "--limit", "1"]);
  expect(readable.stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} v1 \w{8} ERROR entry \/3\n$/);
  expect(await home.json("logs", "diary", "--keep", "3")).toEqual({ worker: "diary", logRetentionDays: 3 });
  const unknown = await home.ow(["logs", "nobody"]);
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('no worker "nobody"')]);
  const service = await home.ow(["logs"]);
  expect([service.code, service.stderr]).toEqual([1, expect.stringContaining("DATABASE_URL is not set")]);
});

test("ow tail says that it knows no such worker, and waits for it", async () => {
  const tail = home.start(["tail", "later"]);
  await tail.line((text) => text.includes('There is no worker "later" yet'));
  await tail.line((text) => text.startsWith("Following later"));
  await home.folder.write({
    "later.js": `export default { fetch() { console.log("here"); return new Response("here"); } };`,
  });
  await home.json("deploy", "later.js");
  await untilAnswer("later", "here");
  await tail.line((text) => /LOG +here/.test(text));
  expect(await tail.end("SIGINT")).toBe(0);
});

test("ow dev deploys every change, shows errors and recovers from them", async () => {
  await home.folder.write({
    "dev/src/index.ts": answering("one"),
    "dev/package.json": `{ "name": "devved" }`,
  });
  const dev = home.start(["dev", "dev"]);
  await dev.line((text) => text.startsWith("live devved v1"));
  await untilAnswer("devved", "one");
  await home.folder.write({ "dev/src/index.ts": "export default {;" });
  await dev.line((text) => text.includes("src/index.ts:1:17:"));
  await home.folder.write({
    "dev/src/index.ts": `import { text } from "./text.ts"; export default { fetch: () => new Response(text) };`,
  });
  await dev.line((text) => text.includes('Could not resolve "./text.ts"'));
  await home.folder.write({ "dev/src/text.ts": `export const text = "two";` });
  await dev.line((text) => text.startsWith("live devved v2"));
  await untilAnswer("devved", "two");
  expect(await dev.end("SIGINT")).toBe(0);
});

test("ow dev follows a single file", async () => {
  await home.folder.write({ "alone.js": answering("one") });
  const dev = home.start(["dev", "alone.js"]);
  await dev.line((text) => text.startsWith("live alone v1"));
  await home.folder.write({ "alone.js": answering("two") });
  await dev.line((text) => text.startsWith("live alone v2"));
  expect(await dev.end("SIGINT")).toBe(0);
});

test("ow doctor finds this machine and platform able", async () => {
  const { ok, checks } = await home.json<{ ok: boolean; checks: { what: string; state: string }[] }>(
    "doctor",
  );
  expect(ok).toBe(true);
  expect(checks).toContainEqual(expect.objectContaining({ what: "sandbox", state: "ok" }));
  expect(checks).toContainEqual(expect.objectContaining({ what: "database", state: "ok" }));
});

test("ow delete takes a worker away", async () => {
  await home.folder.write({ "gone.js": answering("here") });
  await home.json("deploy", "gone.js");
  await untilAnswer("gone", "here");
  expect(await home.json("delete", "gone", "--yes")).toEqual({ worker: "gone", deleted: true });
  while ((await ask("gone")).status !== 404);
  const { code, stdout } = await home.ow(["workers", "gone", "--json"]);
  expect([code, JSON.parse(stdout).error.code]).toEqual([1, "NOT_FOUND"]);
});
