import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { look } from "../browser.ts";
import { writeCode } from "../code.ts";
import { join } from "../people.ts";
import { dashboardTests } from "../rig.ts";

const tests = dashboardTests();

interface Source {
  readonly modules: readonly { readonly name: string; readonly type: string }[];
  readonly sourceMaps: readonly string[];
}

/** A worker that is there before a page is looked at, as `ow` deploys it. */
async function deployed(
  worker: string,
  files: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>,
  metadata = {},
) {
  const types: Record<string, string> = { js: "esModule", wasm: "wasm", txt: "text", json: "json" };
  const form = new FormData();
  const modules = Object.keys(files).map((name) => ({
    name,
    type: types[name.split(".").at(-1) ?? ""] ?? "text",
  }));
  form.set("metadata", JSON.stringify({ modules, compatibilityDate: "2026-11-01", ...metadata }));
  for (const [name, content] of Object.entries(files)) form.set(name, new Blob([content]));
  const { dashboard } = tests;
  const response = await dashboard.platform.fetch("api", `/v1/workers/${worker}/versions`, {
    method: "POST",
    headers: { authorization: `Bearer ${dashboard.token}` },
    body: form,
  });
  if (!response.ok) throw new Error(await response.text());
}

const script = (answer: string) =>
  `export default { fetch: () => new Response(${JSON.stringify(answer)}) };\n`;

async function openEditor(worker: string): Promise<Page> {
  const page = await tests.dashboard.page(`/workers/${worker}/editor`);
  await page.locator(".monaco-editor .view-line").first().waitFor();
  return page;
}

const deploy = (page: Page) => page.getByRole("button", { name: "Deploy", exact: true }).click();
const live = (page: Page, version: number) => page.getByText(`Version ${version} is live`).first().waitFor();
const answers = async (worker: string, path = "/") =>
  (await tests.dashboard.platform.fetch(worker, path)).text();

async function answersSoon(worker: string, text: string): Promise<void> {
  const until = performance.now() + 10_000;
  for (;;) {
    const now = await answers(worker);
    if (now === text) return;
    if (performance.now() > until) throw new Error(`${worker} answers ${now}, and not ${text}`);
  }
}

test("modules in TypeScript are written, checked, deployed with Ctrl+S, and open again as they were written", async () => {
  const bound = { bindings: { KV: { kind: "kv" } }, vars: { GREETING: { kind: "text", value: "Hi" } } };
  await deployed("written", { "index.js": script("one") }, bound);
  const page = await openEditor("written");
  await page.getByRole("button", { name: "Rename index.js" }).click();
  await page.getByLabel("New name").fill("index.ts");
  await page.getByLabel("New name").press("Enter");
  await page.getByRole("button", { name: "Add a module" }).click();
  await page.getByLabel("Name of the new module").fill("../text.ts");
  await page.getByLabel("Name of the new module").press("Enter");
  await page.getByRole("alert").getByText("Use letters").waitFor();
  await page.getByLabel("Name of the new module").fill("lib/text.ts");
  await page.getByLabel("Name of the new module").press("Enter");
  await writeCode(
    page,
    `import data from "../data.json";\nexport const greet = (name: string): string => name + data.mark;\n`,
  );
  await page.getByRole("button", { name: "Add a module" }).click();
  await page.getByLabel("Name of the new module").fill("data.json");
  await page.getByLabel("Name of the new module").press("Enter");
  await writeCode(page, `{ "mark": "!" }`);
  await page.getByRole("button", { name: "index.ts main" }).click();
  const source = `import { greet } from "./lib/text";
export default {
  async fetch(request, env): Promise<Response> {
    await env.KV.put("key", env.GREETINGS);
    return new Response(greet(env.GREETING) + (await env.KV.get("key")));
  },
} satisfies ExportedHandler<Env>;
`;
  await writeCode(page, source);
  // The type of env comes from what the worker is bound to. The compiler is loaded by now, or will be.
  await page.getByText("'GREETINGS' does not exist on type 'Env'").first().waitFor({ timeout: 60_000 });
  expect(await look(page, "editor-problem")).toEqual([]);
  await page.keyboard.press("Control+S");
  await page.getByRole("button", { name: "Deploy anyway" }).waitFor();
  expect(await answers("written")).toBe("one");
  await writeCode(page, source.replace("GREETINGS", "GREETING"));
  await page.getByText("None", { exact: true }).waitFor();
  await page.keyboard.press("Control+S");
  await live(page, 2);
  await answersSoon("written", "Hi!Hi");
  const made = await tests.dashboard.api<Source>("GET", "/workers/written/versions/2/source");
  expect(made.modules.map(({ name }) => name)).toEqual(["index.js", "lib/text.js", "data.json"]);
  await page.reload();
  await page.getByRole("button", { name: "index.ts main" }).waitFor();
  await page.getByRole("button", { name: "lib/text.ts", exact: true }).click();
  await page.getByText("export const greet").waitFor();
  expect(await look(page, "editor")).toEqual([]);
});

test("what is not deployed survives a reload, and can be thrown away", async () => {
  await deployed("drafted", { "index.js": script("one") });
  const page = await openEditor("drafted");
  const asked: string[] = [];
  page.on("dialog", async (dialog) => {
    asked.push(dialog.type());
    await dialog.accept();
  });
  await writeCode(page, script("draft"));
  await page.getByText("Not deployed, on top of version 1").waitFor();
  await page.reload();
  expect(asked).toEqual(["beforeunload"]);
  await page.getByText("Not deployed, on top of version 1").waitFor();
  await page.getByText('Response("draft")').waitFor();
  await page.getByRole("button", { name: "Discard changes" }).click();
  await page.getByText('Response("one")').waitFor();
  expect(await answers("drafted")).toBe("one");
});

test("who deploys after somebody else is told, and chooses", async () => {
  await deployed("raced", { "index.js": script("one") });
  const page = await openEditor("raced");
  await writeCode(page, script("mine"));
  await deployed(
    "raced",
    { "index.js": script("theirs") },
    { vars: { KEPT: { kind: "text", value: "yes" } } },
  );
  await deploy(page);
  await page.getByText("Version 2 was deployed after you began").waitFor();
  await answersSoon("raced", "theirs");
  expect(await look(page, "editor-conflict")).toEqual([]);
  await page.getByRole("button", { name: "Deploy mine over it" }).click();
  await live(page, 3);
  await answersSoon("raced", "mine");
  const { vars } = await tests.dashboard.api<{ vars: object }>("GET", "/workers/raced/versions/3");
  expect(Object.keys(vars)).toEqual(["KEPT"]);
});

test("a worker that does not start is shown where, and nothing changes", async () => {
  await deployed("broken", { "index.js": script("works") });
  const page = await openEditor("broken");
  await writeCode(page, `const settings = undefined;\n\nconsole.log(settings.key);\n${script("broken")}`);
  await deploy(page);
  await page.getByText("does not start; nothing has changed").waitFor();
  await page.getByRole("button", { name: /Cannot read properties of undefined.*index\.js:3/ }).waitFor();
  expect(await look(page, "editor-start-failed")).toEqual([]);
  expect(await answers("broken")).toBe("works");
  await writeCode(page, `import { Hono } from "hono";\nexport default new Hono();\n`);
  await deploy(page);
  await page
    .getByRole("button", { name: /packages of npm are bundled by `ow deploy`.*index\.js:1/ })
    .waitFor();
  expect(await answers("broken")).toBe("works");
});

test("a request is tried on what is live: its answer, its time and its log lines", async () => {
  await deployed("tried", {
    "index.js": `import bytes from "./add.wasm";
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    console.log("asked for", pathname, request.headers.get("cookie"));
    if (pathname === "/throw") throw new Error("out of order");
    if (pathname === "/bytes") return new Response(new Uint8Array([0, 255, 72, 105]));
    if (pathname === "/away") return Response.redirect("https://example.com/");
    return Response.json({ method: request.method, mark: request.headers.get("x-mark"), body: await request.text() });
  },
};`,
    "add.wasm": new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]),
  });
  const page = await openEditor("tried");
  await page.getByRole("button", { name: "add.wasm", exact: true }).click();
  await page.getByText("00000000  00 61 73 6d").waitFor();
  const form = page.getByRole("form", { name: "Request" });
  const answer = page.getByRole("status", { name: "Answer" });
  await form.getByLabel("Method").selectOption("POST");
  await form.getByLabel("Path").fill("/echo?a=b");
  await form.getByText("Headers and body").click();
  await form.getByLabel("Headers", { exact: true }).fill("X-Mark: here\nX-Forwarded-For: 10.0.0.1");
  await form.getByLabel("Body").fill("the body");
  await form.getByRole("button", { name: "Send" }).click();
  await answer.getByText("200 OK").waitFor();
  const body = page.getByRole("region", { name: "Body of the answer" });
  expect(JSON.parse((await body.textContent()) ?? "")).toEqual({
    method: "POST",
    mark: "here",
    body: "the body",
  });
  const view = (name: string) =>
    page.getByRole("group", { name: "Of the answer" }).getByRole("button", { name }).click();
  await view("Logs");
  const log = page.getByRole("log", { name: "Log lines of the request" });
  // The reader's own cookie stays with the dashboard.
  await log.getByText("asked for /echo null").waitFor();
  await log.getByText(/ok · version 1/).waitFor();
  expect(await look(page, "editor-preview")).toEqual([]);
  const { records } = await tests.dashboard.api<{ records: { kind: string; trigger?: string }[] }>(
    "GET",
    "/workers/tried/logs?kind=invocation",
  );
  expect(records.map(({ trigger }) => trigger)).toEqual(["preview"]);
  await form.getByLabel("Method").selectOption("GET");
  await form.getByLabel("Path").fill("/throw");
  await form.getByLabel("Path").press("Enter");
  await answer.getByText("500").waitFor();
  await log.getByText("out of order").first().waitFor();
  await form.getByLabel("Path").fill("/bytes");
  await form.getByLabel("Path").press("Enter");
  await view("Body");
  await body.getByText("00 ff 48 69").waitFor();
  await form.getByLabel("Path").fill("/away");
  await form.getByLabel("Path").press("Enter");
  await answer.getByText("302").waitFor();
  await view("Headers");
  await page.getByLabel("Headers of the answer").getByText("https://example.com/").waitFor();
  await form.getByLabel("Earlier requests").selectOption({ label: "POST /echo?a=b" });
  expect(await form.getByLabel("Body").inputValue()).toBe("the body");
});

test("what ow deploy has bundled opens as its sources, or as the bundle", async () => {
  await tests.dashboard.platform.deploy("examples/hono");
  const page = await openEditor("hono");
  await page.getByText("These are the sources that").waitFor();
  await page.getByRole("button", { name: "src/index.ts main" }).waitFor();
  await page.getByRole("button", { name: "Edit the bundle instead" }).click();
  await page.getByRole("button", { name: "index.js main" }).waitFor();
});

test("who may only read sees the code, and neither deploys nor has it run", async () => {
  const { dashboard } = tests;
  await dashboard.api("POST", "/accounts", { name: "crew", displayName: "Crew" });
  await deployed("shared", { "index.js": script("shared") }, { account: "crew" });
  const eve = await join(dashboard, "crew", { email: "eve@example.com", name: "Eve", role: "viewer" });
  const page = await dashboard.page("/workers/shared/editor", eve);
  await page.getByText('Response("shared")').waitFor();
  await page.getByText("You may read only").waitFor();
  await page.getByText("Who may only read this worker cannot have it run.").waitFor();
  expect(await page.getByRole("button", { name: "Deploy", exact: true }).count()).toBe(0);
});
