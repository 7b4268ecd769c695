import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { type Platform, startPlatform } from "../platform.ts";
import { launch, watchFaults } from "./browser.ts";
import { writeCode } from "./code.ts";

// One story, of a browser beside a platform on two cores.
setDefaultTimeout(240_000);
const worker = "guestbook";
let platform: Platform;
let browser: Browser;
let origin: string;
const faults: string[] = [];

beforeAll(async () => {
  platform = await startPlatform({ dashboard: true });
  browser = await launch();
  origin = `http://localhost:${platform.port}`;
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await platform?.[Symbol.asyncDispose]();
}, 60_000);

/** A window of somebody who has not been here before. */
async function visitor(): Promise<Page> {
  const context = await browser.newContext({ baseURL: origin, reducedMotion: "reduce" });
  context.setDefaultTimeout(30_000);
  watchFaults(context, origin, faults);
  return await context.newPage();
}

/** What the worker answers, once that is so: a deploy reaches running workers within a moment. */
async function answers(path: string, wanted: (status: number, text: string) => boolean): Promise<string> {
  const until = performance.now() + 20_000;
  for (;;) {
    const answer = await platform.fetch(worker, path);
    const text = await answer.text();
    if (wanted(answer.status, text)) return text;
    if (performance.now() > until) throw new Error(`${path} answers ${answer.status}: ${text}`);
  }
}

const dialog = (page: Page) => page.getByRole("dialog");
const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).first().click();
const tab = (page: Page, name: string) =>
  page.getByRole("navigation", { name: "Worker" }).getByRole("link", { name }).click();
const place = (page: Page, name: string) =>
  page.getByRole("navigation", { name: "Main" }).getByRole("link", { name, exact: true }).click();

/** Writes the worker anew in the editor, and deploys it with the keyboard. */
async function deploy(page: Page, version: number, source: string): Promise<void> {
  await tab(page, "Editor");
  await page.locator(".monaco-editor .view-line").first().waitFor();
  await writeCode(page, source);
  await page.getByText("Not deployed, on top of version").waitFor();
  await page.getByText("None", { exact: true }).waitFor();
  await page.keyboard.press("Control+S");
  await page.getByText(`Version ${version} is live`).first().waitFor();
}

const greeting = `export default {
  async fetch(request): Promise<Response> {
    console.log("somebody is at", new URL(request.url).pathname);
    return new Response("Welcome.");
  },
} satisfies ExportedHandler<Env>;
`;
const broken = greeting.replace(
  `return new Response("Welcome.")`,
  `throw new RangeError("the book is full")`,
);
const book = `export default {
  async fetch(_request, env): Promise<Response> {
    const visits = Number((await env.BOOK.get("visits")) ?? 0) + 1;
    await env.BOOK.put("visits", String(visits));
    return Response.json({ visits, closed: await env.BOOK.get("closed") });
  },
  async scheduled(controller, env): Promise<void> {
    console.log("closing time:", controller.cron);
    await env.BOOK.put("closed", controller.cron);
  },
} satisfies ExportedHandler<Env>;
`;

test("from the link that the first start prints to a worker that others may not delete", async () => {
  const { setupUrl } = platform.ready.api as { readonly setupUrl: string };
  const page = await visitor();

  // The first admin, by the link; it is good once.
  await page.goto(setupUrl);
  await page.getByLabel("Name").fill("Ada");
  await page.getByLabel("E-mail").fill("ada@example.com");
  await page.getByLabel("Password").fill("correct horse battery");
  await press(page, "Make the account");
  await page.getByRole("heading", { name: "Make your first worker" }).waitFor();
  await place(page, "Organisation");
  await press(page, "Make one");
  await dialog(page).getByLabel("Called").fill("Acme");
  await press(page, "Make it");
  await page.getByRole("heading", { name: "Acme", level: 1 }).waitFor();

  // A worker from a template, edited, deployed and called.
  await place(page, "Overview");
  await page.getByRole("link", { name: "Create a worker" }).first().click();
  await page.getByRole("radio", { name: /^Hello, world/ }).check();
  await page.getByLabel("Name", { exact: true }).fill(worker);
  await press(page, "Create and deploy");
  await page.waitForURL(`**/workers/${worker}/editor`);
  await answers("/", (_, text) => text === "Hello, world!\n");
  await deploy(page, 2, greeting);
  await answers("/", (_, text) => text === "Welcome.");

  // Its logs, as they come.
  await tab(page, "Logs");
  await page
    .getByRole("status")
    .filter({ hasText: /^\s*Live/ })
    .waitFor();
  await answers("/while-watched", (status) => status === 200);
  await page.getByRole("button", { name: "Invocation: GET /while-watched" }).click();
  await page.getByText("somebody is at /while-watched").first().waitFor();

  // It breaks, and says where.
  await deploy(page, 3, broken);
  await answers("/broken", (status) => status === 500);
  await tab(page, "Logs");
  await page.getByRole("button", { name: "Invocation: GET /broken" }).first().click();
  await page.getByText("RangeError: the book is full").first().waitFor();
  await page
    .getByText(/index\.ts:4:\d+/)
    .first()
    .waitFor();

  // Back to what worked.
  await tab(page, "Deployments");
  await press(page, "Roll back");
  await dialog(page).getByText("Version 2 serves all requests").waitFor();
  await dialog(page).getByLabel("Message").fill("The book is not full");
  await dialog(page).getByRole("button", { name: "Roll back" }).click();
  await page.getByRole("region", { name: "History" }).getByText("The book is not full").waitFor();
  await answers("/", (status, text) => status === 200 && text === "Welcome.");

  // A KV namespace and a cron.
  await tab(page, "Settings");
  await page.getByRole("link", { name: "Bindings" }).click();
  await press(page, "Add a binding");
  await dialog(page).getByLabel("Name", { exact: true }).fill("BOOK");
  await dialog(page).getByLabel("Name of the new namespace").fill("guests");
  await dialog(page).getByRole("button", { name: "Bind" }).click();
  await page.getByRole("link", { name: "guests" }).waitFor();
  await deploy(page, 4, book);
  await answers("/", (_, text) => text.includes('"visits"'));
  await place(page, "Crons");
  await press(page, "New cron");
  await dialog(page).getByLabel("Worker").selectOption(worker);
  await dialog(page).getByLabel("Expression").fill("0 18 * * 2-6");
  await dialog(page).getByText("At 18:00").first().waitFor();
  await press(page, "Add the cron");
  await press(page, `Run 0 18 * * 2-6 of ${worker} now`);
  await page.waitForURL(`**/crons/${worker}/*`);
  await page.getByText("ok", { exact: true }).first().waitFor();
  await page.getByRole("row").filter({ hasText: "by hand" }).getByRole("button").click();
  await page.getByText("closing time: 0 18 * * 2-6").first().waitFor();
  expect(JSON.parse(await answers("/", (_, text) => text.includes('"0 18')))).toEqual({
    visits: expect.any(Number),
    closed: "0 18 * * 2-6",
  });
  await place(page, "KV");
  await page.getByRole("link", { name: "guests" }).click();
  await page.getByRole("button", { name: "closed", exact: true }).waitFor();
  await page.getByRole("button", { name: "visits", exact: true }).waitFor();

  // Somebody who may change it, and may not delete it.
  await place(page, "Organisation");
  await press(page, "Invite");
  await dialog(page).getByLabel("E-mail").fill("bob@example.com");
  await dialog(page).getByLabel("Role").selectOption("developer");
  await dialog(page).getByRole("button", { name: "Invite" }).click();
  const link = (await dialog(page).getByLabel("The link", { exact: true }).textContent())?.trim() ?? "";
  const bob = await visitor();
  await bob.goto(link);
  await bob.getByLabel("Name").fill("Bob");
  await bob.getByLabel("Password").fill("can we fix it");
  await press(bob, "Make the account and join");
  await bob.getByRole("heading", { name: "Acme", level: 1 }).waitFor();
  await place(bob, "Workers");
  await bob.getByRole("link", { name: worker, exact: true }).click();
  await tab(bob, "Settings");
  await bob.getByRole("link", { name: "General" }).click();
  const button = bob.getByRole("button", { name: `Delete ${worker}` });
  await button.waitFor();
  expect(await button.isDisabled()).toBe(true);
  expect(await bob.getByRole("textbox", { name: "Name" }).isEnabled()).toBe(true);
  // Nor without the page: with his session the API refuses.
  const refused = await bob.request.delete(`/v1/workers/${worker}`, { headers: { origin } });
  expect([refused.status(), ((await refused.json()) as { error: { code: string } }).error.code]).toEqual([
    403,
    "FORBIDDEN",
  ]);
  await answers("/", (status) => status === 200);
  expect(faults).toEqual([]);
});
