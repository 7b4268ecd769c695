import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { look } from "../browser.ts";
import { deployed } from "../deploys.ts";
import { logsProcess } from "../logs-process.ts";
import { dashboardTests } from "../rig.ts";

const tests = dashboardTests();
const source = `export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/throw") fail("there is no such order");
    if (pathname === "/warn") console.warn("careful", { left: 3 });
    const lines = Number(searchParams.get("lines") ?? 1);
    for (let line = 1; line <= lines; line++) console.log(\`\${pathname} says \${line}\`);
    return new Response("ok");
  },
};
function fail(reason: string): never {
  throw new TypeError(reason, { cause: new Error("the shelf is empty") });
}
`;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ow-dashboard-logs-"));
  const entry = join(directory, "orders.ts");
  await writeFile(entry, source);
  const { outputs } = await Bun.build({ entrypoints: [entry], sourcemap: "external", minify: true });
  const text = async (kind: string) => (await outputs.find((output) => output.kind === kind)?.text()) ?? "";
  const code = await text("entry-point");
  const sourceMap = await text("sourcemap");
  for (const name of ["orders", "floods", "quiet"]) {
    await deployed(tests.dashboard, { name, code, sourceMap });
  }
  await deployed(tests.dashboard, {
    name: "front",
    code: `export default { fetch(request, env) { console.log("front asks"); return env.ORDERS.fetch(request); } };`,
    metadata: { bindings: { ORDERS: { kind: "worker", worker: "orders" } } },
  });
}, 120_000);
afterAll(() => rm(directory, { recursive: true, force: true }));

async function call(worker: string, path: string): Promise<Response> {
  const answer = await tests.dashboard.platform.fetch(worker, path);
  await answer.text();
  return answer;
}

interface Stored {
  readonly kind: string;
  readonly message?: string;
  readonly requestId?: string;
  readonly worker: string;
  readonly path?: string;
}

/** What is stored and fits, once there is so much of it. */
async function stored(worker: string, query: string, count: number): Promise<readonly Stored[]> {
  for (;;) {
    const path = `/workers/${worker}/logs?limit=1000&order=oldest-first&${query}`;
    const { records } = await tests.dashboard.api<{ records: Stored[] }>("GET", path);
    if (records.length >= count) return records;
    await Bun.sleep(50);
  }
}

const live = (page: Page) => page.getByRole("status").filter({ hasText: /^\s*Live/ });
const invocation = (page: Page, what: string) => page.getByRole("button", { name: `Invocation: ${what}` });
const lines = (page: Page) => page.getByRole("region", { name: "Log records" });
const open = async (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();

test("requests and lines appear as they come, and one opens to its lines, stack and record", async () => {
  const page = await tests.dashboard.page("/workers/quiet/logs?q=never%20said");
  await page.getByRole("heading", { name: "No record fits" }).waitFor();
  await page.getByRole("button", { name: "Remove the filters" }).click();
  await invocation(page, "GET /up").waitFor();
  await live(page).waitFor();
  await call("quiet", "/hello");
  await invocation(page, "GET /hello").waitFor();
  expect((await call("quiet", "/throw")).status).toBe(500);
  await invocation(page, "GET /throw").click();
  // In the worker's own source.
  await page
    .getByText(/orders\.ts:1[12]:\d+/)
    .first()
    .waitFor();
  await page.getByText("Caused by: Error: the shelf is empty").waitFor();
  await page.getByText("exception: threw an error").waitFor();
  expect(await look(page, "logs-invocations")).toEqual([]);
  await open(page, "Lines");
  await page.waitForURL("**/logs?view=lines");
  await lines(page).getByText("/hello says 1").waitFor();
  await page.getByRole("button", { name: "Details: TypeError: there is no such order" }).click();
  await page.getByLabel("Message").getByText("orders.ts").waitFor();
  await page.getByRole("button", { name: "Wrap long lines" }).click();
  expect(await look(page, "logs-lines")).toEqual([]);
  await page.getByRole("button", { name: "Clear the view" }).click();
  await lines(page).getByText("/hello says 1").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Cleared. Show what was before" }).click();
  await lines(page).getByText("/hello says 1").waitFor();
});

test("filters narrow them down, stand in the address, and can be taken away", async () => {
  for (const path of ["/a", "/warn", "/throw"]) await call("orders", path);
  await stored("orders", "search=/throw&kind=invocation", 1);
  const page = await tests.dashboard.page("/workers/orders/logs");
  await invocation(page, "GET /a").waitFor();
  await page.getByLabel("Level").selectOption("error");
  await page.waitForURL("**/logs?level=error");
  await invocation(page, "GET /throw").waitFor();
  expect(await invocation(page, "GET /a").count()).toBe(0);
  await page.reload();
  await invocation(page, "GET /throw").waitFor();
  expect(await page.getByLabel("Level").inputValue()).toBe("error");
  await page.getByLabel("Level").selectOption("");
  await page.getByLabel("Outcome").selectOption("exception");
  await page.waitForURL("**/logs?outcome=exception");
  await invocation(page, "GET /throw").waitFor();
  // A filter keeps lines back; the opened row has them all the same.
  await invocation(page, "GET /throw").click();
  await page.getByText("Caused by: Error: the shelf is empty").waitFor();
  await page.getByLabel("Outcome").selectOption("");
  await page.keyboard.press("/");
  await page.getByLabel("Search the records").fill("careful");
  await page.waitForURL("**/logs?q=careful");
  await lines(page).getByText("careful { left: 3 }").first().waitFor();
  await page.getByLabel("Search the records").fill("");
  await open(page, "More");
  await page.getByLabel("Status").fill("600");
  await page.getByLabel("Status").press("Enter");
  await page.getByText("is no status, nor a class of them").waitFor();
  await page.getByLabel("Status").fill("5xx");
  await page.getByLabel("Status").press("Enter");
  await page.getByRole("button", { name: "Remove the filter: Status 5xx" }).waitFor();
  await invocation(page, "GET /throw").waitFor();
  await page.getByRole("button", { name: "Remove the filter: Status 5xx" }).click();
  await invocation(page, "GET /a").waitFor();
});

test("one request is followed through the workers that it passed", async () => {
  await call("front", "/through");
  const [record] = await stored("front", "search=/through&kind=invocation", 1);
  const page = await tests.dashboard.page("/workers/front/logs");
  await invocation(page, "GET /through").click();
  await page.getByRole("link", { name: "Follow it across workers" }).click();
  await page.waitForURL(`**/logs?request=${record?.requestId}&view=lines`);
  await page.getByRole("heading", { name: "Logs", level: 1 }).waitFor();
  await lines(page).getByText("front asks").waitFor();
  await lines(page).getByText("/through says 1").waitFor();
  expect(await lines(page).getByRole("link", { name: "orders" }).count()).toBeGreaterThan(0);
  expect(await look(page, "logs-across-workers")).toEqual([]);
});

test("what comes while it is paused is counted, and shown afterwards", async () => {
  const page = await tests.dashboard.page("/workers/quiet/logs?view=lines");
  await live(page).waitFor();
  await open(page, "Pause");
  await call("quiet", "/while-paused?lines=4");
  await page.getByRole("status").filter({ hasText: "Paused · 5 new" }).waitFor();
  expect(await lines(page).getByText("/while-paused says 1").count()).toBe(0);
  await open(page, "Resume");
  await lines(page).getByText("/while-paused says 4").waitFor();
});

test("when the service breaks off, it is said, and taken up again without gap or duplicate", async () => {
  const page = await tests.dashboard.page("/workers/quiet/logs?view=lines&q=numbered");
  await live(page).waitFor();
  await call("quiet", "/numbered?lines=3");
  await lines(page).getByText("/numbered says 3").waitFor();

  process.kill(await logsProcess(tests.dashboard.platform), "SIGKILL");
  // Looked at without a pause: it is taken up again within a moment.
  while ((await page.getByText("Connection lost, connecting again…").count()) === 0);
  await call("quiet", "/numbered-2?lines=3");
  await lines(page).getByText("/numbered-2 says 3").waitFor();
  await live(page).waitFor();
  await call("quiet", "/numbered-3?lines=1");
  await lines(page).getByText("/numbered-3 says 1").waitFor();
  const shown = await lines(page)
    .getByText(/numbered\S* says \d/)
    .allTextContents();
  const said = ["", "-2", "-3"].flatMap((name) =>
    (name === "-3" ? [1] : [1, 2, 3]).map((line) => `/numbered${name} says ${line}`),
  );
  expect(shown).toEqual(said);
});

test("a reader who was too slow is told so, and goes on; a service that is not there is tried again", async () => {
  const page = await tests.dashboard.page("/workers");
  let answers = 0;
  await page.route("**/logs/stream**", (route) => {
    answers += 1;
    return answers === 1
      ? route.fulfill({ contentType: "text/event-stream", body: "id: 1.0\n\nevent: end\ndata: slow\n\n" })
      : route.fulfill({
          status: 500,
          json: { error: { code: "INTERNAL", message: "The logs cannot be read." } },
        });
  });
  await page.goto("/workers/quiet/logs");
  await page.getByRole("alert").getByText("More came than this page could take").waitFor();
  await open(page, "Go on");
  await page.getByRole("alert").getByText("The logs cannot be read.").waitFor();
  expect(await look(page, "logs-failed")).toEqual([]);
  await page.unroute("**/logs/stream**");
  await open(page, "Try again");
  await live(page).waitFor();
});

test("older ones are loaded by scrolling up, and a moment can be jumped to", async () => {
  await call("floods", "/first");
  await call("floods", "/many?lines=900");
  const records = await stored("floods", "", 904);
  const page = await tests.dashboard.page("/workers/floods/logs?view=lines");
  await lines(page).getByText("/many says 900").waitFor();
  expect(await lines(page).getByText("/first says 1").count()).toBe(0);
  while ((await lines(page).getByText("/first says 1").count()) === 0) {
    await lines(page).evaluate((box) => box.scrollBy(0, -1_500));
    await page.waitForTimeout(50);
  }
  await page.getByText("Nothing older is kept.").waitFor();
  await page.getByRole("button", { name: "To the newest" }).click();
  await lines(page).getByText("/many says 900").waitFor();
  await open(page, "Live");
  await page.getByRole("dialog").getByRole("button", { name: "Last hour" }).click();
  await page.waitForURL("**since=1h");
  await lines(page).getByText("/many says 900").waitFor();
  const first = records.find(({ message }) => message === "/first says 1") as Stored & {
    readonly time: number;
  };
  await page.goto(`/workers/floods/logs?view=lines&at=${new Date(first.time).toISOString()}`);
  await lines(page).getByText("/first says 1").waitFor();
  await page.getByRole("button", { name: /^At / }).click();
  expect(await look(page, "logs-time")).toEqual([]);
  const { steps } = await tests.dashboard.api<{ steps: { requests: number; lines: number }[] }>(
    "GET",
    "/workers/floods/stats",
  );
  expect(steps.reduce((sum, { lines: count }) => sum + count, 0)).toBeGreaterThanOrEqual(902);
});

test("what fits is written to a file, with its count", async () => {
  await call("floods", "/file?lines=12");
  const all = await stored("floods", "search=%2Ffile", 13);
  const page = await tests.dashboard.page("/workers/floods/logs?q=%2Ffile");
  for (const [format, name] of [
    [/NDJSON/, /^floods-.*\.ndjson$/],
    [/Text/, /^floods-.*\.txt$/],
  ] as const) {
    await page.getByRole("button", { name: "Download" }).first().click();
    const dialog = page.getByRole("dialog", { name: "Download" });
    await dialog.getByLabel(format).check();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      dialog.getByRole("button", { name: "Download" }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(name);
    const rows = (await readFile(await download.path(), "utf8")).trim().split("\n");
    expect(rows).toHaveLength(all.length);
    if (name.test("floods-.ndjson")) expect(rows.map((row): unknown => JSON.parse(row))).toEqual([...all]);
    else expect(rows[0]).toMatch(/ floods v1 [0-9a-f]{8} /);
    await dialog.getByText(`${all.length} records, 0.0 MB: saved.`).waitFor();
    await dialog.getByRole("button", { name: "Close" }).last().click();
  }
});

/** Scrolls the list up by so many pixels a frame: how long each took, in order, and how many rows were in the page. */
const scrollUp = (pixels: number) => `(async () => {
  const box = document.querySelector("[aria-label='Log records']");
  const frames = [];
  let most = 0;
  let last = performance.now();
  for (let step = 0; step < 60; step++) {
    box.scrollBy(0, -${pixels});
    await new Promise(requestAnimationFrame);
    most = Math.max(most, box.querySelectorAll("[data-row]").length);
    frames.push(performance.now() - last);
    last = performance.now();
  }
  return { frames: frames.sort((a, b) => a - b), most };
})()`;

test("ten thousand are scrolled through with few of them in the page", async () => {
  const page = await tests.dashboard.page("/workers");
  const id = "01a207bb-f488-71f7-834c-da6875eb2ac3";
  const events = Array.from({ length: 10_000 }, (_, index) => {
    const position = `1.${index}`;
    const base = {
      position,
      time: 1_795_426_000_000 + index,
      workerId: id,
      worker: "quiet",
      versionId: id,
      version: 1,
    };
    const record = { ...base, kind: "line", level: "log", message: `row ${index} ${"x".repeat(index % 90)}` };
    return `id: ${position}\ndata: ${JSON.stringify(record)}\n\n`;
  });
  let answered = false;
  await page.route("**/logs/stream**", async (route) => {
    // The stream ends, and is asked for again: that one stays open.
    if (answered) await new Promise(() => {});
    answered = true;
    await route.fulfill({ contentType: "text/event-stream", body: events.join("") });
  });
  await page.goto("/workers/quiet/logs?view=lines&wrap=1");
  await lines(page)
    .getByText(/^row 9999 /)
    .waitFor();
  for (const pixels of [100, 700]) {
    const { frames, most } = await page.evaluate<{ frames: number[]; most: number }>(scrollUp(pixels));
    const [median, longest] = [frames[30] ?? 0, frames.at(-1) ?? 0].map((ms) => ms.toFixed(0));
    console.log(
      `10,000 rows, ${pixels} pixels a frame: ${median} ms at the median, ${longest} ms at most; ${most} rows in the page`,
    );
    expect(most).toBeLessThan(150);
  }
  await page.unrouteAll({ behavior: "ignoreErrors" });
});
