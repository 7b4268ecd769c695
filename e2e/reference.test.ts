import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { launch, look, watchFaults } from "./dashboard/browser.ts";
import { type Platform, startPlatform } from "./platform.ts";

let platform: Platform;
let browser: Browser;
let origin: string;
let token: string;
const faults: string[] = [];

beforeAll(async () => {
  platform = await startPlatform({ api: true });
  browser = await launch();
  origin = `http://api.localhost:${platform.port}`;
  const { setupUrl } = platform.ready.api as { readonly setupUrl: string };
  const setup = await platform.fetch("api", "/v1/auth/setup?token=true", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      email: "ada@example.com",
      password: "correct horse battery",
      token: new URL(setupUrl).searchParams.get("token"),
    }),
  });
  ({ token } = (await setup.json()) as { readonly token: string });
}, 120_000);
afterAll(async () => {
  await browser.close();
  await platform[Symbol.asyncDispose]();
}, 60_000);

async function reference(hash = ""): Promise<Page> {
  const context = await browser.newContext();
  context.setDefaultTimeout(20_000);
  watchFaults(context, origin, faults);
  const page = await context.newPage();
  await page.goto(`${origin}/v1/reference${hash}`);
  return page;
}

/** The form of an operation, once it is unfolded. */
async function unfolded(page: Page, id: string) {
  const operation = page.locator(`#${id}`);
  await operation.locator("summary").click();
  return operation.locator("form");
}

test("the reference sends what is filled in, with the key that was typed, and asks nobody else", async () => {
  const page = await reference();
  const list = await unfolded(page, "getWorkers");
  await list.getByRole("button", { name: "Send" }).click();
  await list.getByText(/^401 /).waitFor();
  await page.getByLabel("API key").fill(token);
  const make = await unfolded(page, "postKv");
  const body = make.getByLabel("Body, JSON");
  expect(JSON.parse(await body.inputValue())).toHaveProperty("name");
  await body.fill('{"name": "from-the-reference"}');
  await make.getByRole("button", { name: "Send" }).click();
  await make.getByText(/^201 /).waitFor();
  const { id } = JSON.parse((await make.getByLabel("Answer").textContent()) ?? "");
  const get = await unfolded(page, "getKvNamespace");
  await get.getByLabel("namespace").fill("from-the-reference");
  await get.getByRole("button", { name: "Send" }).click();
  await get.getByText(/^200 /).waitFor();
  expect(JSON.parse((await get.getByLabel("Answer").textContent()) ?? "")).toMatchObject({ id });
  await get.scrollIntoViewIfNeeded();
  expect(await look(page, "reference")).toEqual([]);
  expect(faults).toEqual([]);
}, 120_000);

test("what an answer says is text, whatever is in it, and a link unfolds what it leads to", async () => {
  const page = await reference("#getKv");
  await page.getByLabel("API key").fill(token);
  const list = page.locator("#getKv form");
  await list.getByLabel("cursor").fill("<img src=x onerror=document.title='run'>");
  await list.getByRole("button", { name: "Send" }).click();
  await list.getByText(/^400 /).waitFor();
  const file = await unfolded(page, "getWorkersWorker");
  await file.getByLabel("worker").fill("<b>bold</b>");
  await file.getByRole("button", { name: "Send" }).click();
  await file.getByText("<b>bold</b>").first().waitFor();
  expect(await page.locator("form b, form img").count()).toBe(0);
  // Nothing that somebody has had written into the page could run.
  const ran = page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img>')");
  await expect(ran).rejects.toThrow("TrustedHTML");
}, 120_000);
