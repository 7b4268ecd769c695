import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { until } from "../browser.ts";
import { dashboardTests } from "../rig.ts";

const tests = dashboardTests();

const focused = `(document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "").trim()`;

/** Presses Tab until what is called so has the focus; a page has no hundred places to stop at. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let stops = 0; stops < 100; stops++) {
    if ((await page.evaluate<string>(focused)) === name) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach "${name}".`);
}

test("signing in, going to a page, making and deleting something take no mouse", async () => {
  const page = await tests.dashboard.visitor();
  const { keyboard } = page;
  await page.goto("/sign-in");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.getByLabel("E-mail").focus();
  await keyboard.type(tests.dashboard.ada.email);
  await keyboard.press("Tab");
  // Between the two may be the link for who has forgotten theirs.
  for (
    let stops = 0;
    stops < 3 && !(await page.evaluate<boolean>(`document.activeElement?.type === "password"`));
    stops++
  )
    await keyboard.press("Tab");
  await keyboard.type(tests.dashboard.ada.password);
  await keyboard.press("Enter");
  await page.getByRole("heading", { name: "Overview" }).waitFor();

  await keyboard.press("Control+k");
  await page.locator("dialog[open] input:focus").waitFor();
  await keyboard.type("kv");
  await keyboard.press("Enter");
  await page.waitForURL("**/kv");
  await page.getByRole("heading", { name: "No namespaces yet" }).waitFor();
  await tabTo(page, "New namespace");
  await keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await keyboard.press("Escape");
  await until(page, "document.querySelector('dialog h2') === null");
  expect(await page.evaluate<string>(focused)).toBe("New namespace");
  await keyboard.press("Enter");
  // What is to be filled in has the focus.
  await page.locator("dialog[open] input:focus").waitFor();
  await keyboard.type("typed");
  await keyboard.press("Enter");
  await page.waitForURL("**/kv/typed");

  await page.getByRole("heading", { name: "No keys yet" }).waitFor();
  await tabTo(page, "Delete");
  await keyboard.press("Enter");
  // What is to be filled in has the focus.
  await page.locator("dialog[open] input:focus").waitFor();
  await keyboard.type("typed");
  await page.getByRole("button", { name: "Delete the namespace", disabled: false }).waitFor();
  await keyboard.press("Enter");
  await page.waitForURL("**/kv");
  expect(await tests.dashboard.api("GET", "/kv")).toMatchObject({ items: [] });

  // `g` and a letter.
  await page.getByRole("heading", { name: "No namespaces yet" }).waitFor();
  await keyboard.press("g");
  await keyboard.press("c");
  await page.waitForURL("**/crons");
});

test("single keys can be turned off, and stay so", async () => {
  const page = await tests.dashboard.page("/account");
  await page.getByLabel("Single keys").uncheck();
  await page.reload();
  await page.getByLabel("Single keys", { exact: false }).waitFor();
  expect(await page.getByLabel("Single keys").isChecked()).toBe(false);
  await page.locator("h1").click();
  await page.keyboard.press("g");
  await page.keyboard.press("c");
  // What it would have done is done by the time that the next key has been.
  await page.keyboard.press("Control+k");
  await page.locator("dialog[open] input:focus").waitFor();
  expect(new URL(page.url()).pathname).toBe("/account");
});
