import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { look } from "../browser.ts";
import { dashboardTests } from "../rig.ts";

const tests = dashboardTests();

const source = `export default {
  scheduled(controller) {
    console.log("ran for", controller.cron);
    if (controller.cron.startsWith("7")) throw new Error("not on a seven");
  },
};`;

async function deploy(worker: string): Promise<void> {
  const { dashboard } = tests;
  const form = new FormData();
  const metadata = { modules: [{ name: "index.js", type: "esModule" }], compatibilityDate: "2026-11-01" };
  form.set("metadata", JSON.stringify(metadata));
  form.set("index.js", new Blob([source]));
  const answer = await dashboard.platform.fetch("api", `/v1/workers/${worker}/versions`, {
    method: "POST",
    headers: { authorization: `Bearer ${dashboard.token}` },
    body: form,
  });
  if (!answer.ok) throw new Error(await answer.text());
}

interface Cron {
  readonly id: string;
  readonly expression: string;
  readonly timezone: string;
  readonly paused: boolean;
  readonly retries: number;
  readonly overlap: string;
  readonly nextDue: string | null;
}

const cronsOf = async (worker: string) =>
  (await tests.dashboard.api<{ items: Cron[] }>("GET", `/workers/${worker}/crons`)).items;
const toast = (page: Page, text: string) =>
  page.getByRole("status").filter({ hasText: text }).first().waitFor();

test("a cron is told in words, made, run with its logs, paused, changed and deleted", async () => {
  await deploy("ticker");
  const page = await tests.dashboard.page("/crons");
  await page.getByRole("heading", { name: "No crons yet" }).waitFor();
  expect(await look(page, "crons-empty")).toEqual([]);

  await page.getByRole("button", { name: "New cron" }).first().click();
  const form = page.getByRole("dialog", { name: "New cron" });
  await form.getByLabel("Expression").fill("0 0 * * 0");
  await form.getByText("Days of the week go from 1 (Sunday) to 7 (Saturday).").waitFor();
  await form.getByLabel("Expression").fill("0 18 * * 6L");
  await form.getByText("At 18:00, on the last Friday of the month").waitFor();
  await form.getByLabel("Time zone of the cron").selectOption("America/New_York");
  await form.getByLabel("Show times in").selectOption("UTC");
  expect(await form.locator("time").count()).toBe(5);
  const shown = await form.locator("time").first().getAttribute("datetime");
  expect(await form.locator("time").first().textContent()).toMatch(/^Fri, .* 2[23]:00:00 UTC$/);
  expect(await look(page, "crons-form")).toEqual([]);
  await form.getByRole("button", { name: "Add the cron" }).click();
  await toast(page, "ticker has another cron.");
  const [made] = await cronsOf("ticker");
  // Words, runs and reality agree.
  expect(made).toMatchObject({ expression: "0 18 * * 6L", timezone: "America/New_York", nextDue: shown });
  await page.getByRole("link", { name: "0 18 * * 6L" }).waitFor();
  expect(await look(page, "crons-list")).toEqual([]);

  await page.getByRole("button", { name: "Run 0 18 * * 6L of ticker now" }).click();
  await page.waitForURL(`**/crons/ticker/${made?.id}`);
  await page.getByText("by hand", { exact: true }).first().waitFor();
  await page.getByRole("button", { name: "Run now" }).click();
  await page.getByText("ran for 0 18 * * 6L").first().waitFor();
  await page.getByText("ok", { exact: true }).first().waitFor();
  expect(await look(page, "crons-one")).toEqual([]);

  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("None while it is paused.").waitFor();
  expect(await cronsOf("ticker")).toMatchObject([{ paused: true, nextDue: null }]);
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByText("On", { exact: true }).waitFor();

  await page.getByRole("button", { name: "Change", exact: true }).click();
  const change = page.getByRole("dialog", { name: "Change the cron" });
  await change.getByLabel("Further attempts").fill("99");
  await change.getByRole("button", { name: "Save" }).click();
  await change.getByText(/too big/i).waitFor();
  await change.getByLabel("Further attempts").fill("2");
  await change.getByLabel("While it still runs").selectOption("skip");
  await change.getByRole("button", { name: "Save" }).click();
  await toast(page, "The cron is changed.");
  await page.getByText("2 more, the first after 10 s").waitFor();
  expect(await cronsOf("ticker")).toMatchObject([{ id: made?.id, retries: 2, overlap: "skip" }]);

  await page.getByRole("button", { name: "Change", exact: true }).click();
  await change.getByLabel("Expression").fill("7 * * * *");
  await change.getByText("Another schedule makes another cron of it").waitFor();
  await change.getByLabel("Further attempts").fill("0");
  await change.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "7 * * * *" }).waitFor();
  expect(await cronsOf("ticker")).toMatchObject([{ expression: "7 * * * *", retries: 0, overlap: "skip" }]);
  await page.getByRole("button", { name: "Run now" }).click();
  await page.getByText("exception", { exact: true }).first().waitFor();
  await page.getByText("not on a seven").first().waitFor();

  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete the cron" }).click();
  await page.waitForURL("**/crons");
  await page.getByRole("heading", { name: "No crons yet" }).waitFor();
  expect(await cronsOf("ticker")).toEqual([]);
});

test("a cron that somebody else changed meanwhile is not overwritten, and a list that fails is asked for again", async () => {
  const { dashboard } = tests;
  const cron = await dashboard.api<Cron>("POST", "/workers/ticker/crons", { expression: "*/5 * * * *" });
  const page = await dashboard.page(`/crons/ticker/${cron.id}`);
  const button = page.getByRole("button", { name: "Change", exact: true });
  await button.waitFor();
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  await page.route(`**/v1/workers/ticker/crons/${cron.id}`, async (route) => {
    await told;
    await route.continue();
  });
  await button.click();
  const change = page.getByRole("dialog", { name: "Change the cron" });
  // What is typed before that is read would be lost.
  expect(await change.getByLabel("Further attempts").isDisabled()).toBe(true);
  tell();
  await change.getByRole("button", { name: "Save", disabled: false }).waitFor();
  await dashboard.api("PATCH", `/workers/ticker/crons/${cron.id}`, { retries: 5 });
  await change.getByLabel("Further attempts").fill("1");
  await change.getByRole("button", { name: "Save" }).click();
  await change.getByText("changed by somebody else meanwhile").waitFor();
  expect((await cronsOf("ticker")).find(({ id }) => id === cron.id)?.retries).toBe(5);

  await page.route("**/v1/crons?*", (route) =>
    route.fulfill({ status: 500, json: { error: { code: "INTERNAL", message: "It broke." } } }),
  );
  await page.goto("/crons");
  await page.getByRole("alert").filter({ hasText: "It broke." }).waitFor();
  expect(await look(page, "crons-error")).toEqual([]);
  await page.unroute("**/v1/crons?*");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("link", { name: "*/5 * * * *" }).waitFor();
  await page.getByRole("link", { name: "ticker" }).first().click();
  await page.waitForURL("**/crons?worker=ticker");
  await page.getByText("When ticker is called by the clock.").waitFor();
});
