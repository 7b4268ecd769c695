import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { look } from "../browser.ts";
import { deployed } from "../deploys.ts";
import { join } from "../people.ts";
import { dashboardTests } from "../rig.ts";

const tests = dashboardTests();

interface Runner {
  readonly host: string;
  readonly pid: number;
  readonly cells: readonly { worker: string; pid: number; requests: number; memoryBytes: number | null }[];
}

interface Service {
  readonly name: string;
  readonly state: string;
  readonly figures: readonly { name: string; value: number; unit: string }[];
}

const code = `export default {
  fetch(request) {
    if (new URL(request.url).pathname === "/work") for (const until = Date.now() + 1; Date.now() < until; );
    return new Response("up");
  },
};`;

const get = <Answer>(path: string) => tests.dashboard.api<Answer>("GET", path);
const dialog = (page: Page, name: string) => page.getByRole("dialog", { name });
const tab = (page: Page, name: string) =>
  page.getByRole("navigation", { name: "System" }).getByRole("link", { name }).click();

test("an admin sees the runner's cells, and what they use", async () => {
  const { dashboard } = tests;
  for (const name of ["busy", "calm"]) await deployed(dashboard, { name, code });
  for (let at = 0; at < 5; at++) await dashboard.platform.fetch("busy", "/");
  const page = await dashboard.page();
  await page.getByRole("link", { name: "System" }).click();
  await page.waitForURL("**/system/runners");
  const [runner] = (await get<{ items: Runner[] }>("/system/runners")).items;
  await page.getByRole("heading", { name: runner?.host ?? "?" }).waitFor();
  await page.getByText("Routes fresh").waitFor();
  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "busy" }) });
  // State, process, memory of its limit, share of a core since the last look.
  await row
    .locator(".badge")
    .getByText(/^(idle|busy)$/)
    .waitFor();
  await row.getByText(/\d MB \/ \d+ MB/).waitFor();
  await row.getByText(/^\d+\.\d %$/).waitFor();
  const cell = runner?.cells.find(({ worker }) => worker === "busy");
  expect(await row.textContent()).toContain(`${cell?.pid}`);
  expect(cell?.requests).toBeGreaterThanOrEqual(5);
  expect(cell?.memoryBytes).toBeGreaterThan(2 ** 20);

  /** The workers of the cells in the order that a click on a column's name makes. */
  const sortedBy = async (name: string, order: "ascending" | "descending") => {
    await page.getByRole("columnheader", { name }).getByRole("button").click();
    await page.locator(`th[aria-sort=${order}]`).filter({ hasText: name }).waitFor();
    const links = await page.getByRole("table", { name: "Cells" }).getByRole("link").allTextContents();
    return links.filter((worker) => worker === "busy" || worker === "calm");
  };
  expect(await sortedBy("Worker", "ascending")).toEqual(["busy", "calm"]);
  expect(await sortedBy("Worker", "descending")).toEqual(["calm", "busy"]);
  expect(await sortedBy("Requests", "descending")).toEqual(["busy", "calm"]);
  // Looked at again by itself.
  const asked = page.waitForResponse("**/v1/system/runners");
  await dashboard.platform.fetch("busy", "/");
  await asked;
  expect(await look(page, "system-runners")).toEqual([]);
});

test("services are shown with what waits for them, and versions with the database's state", async () => {
  const page = await tests.dashboard.page("/system/services");
  const { items } = await get<{ items: Service[] }>("/system/services");
  expect(items.map(({ name, state }) => [name, state])).toEqual([
    ["api", "up"],
    ["logs", "up"],
    ["scheduler", "up"],
    ["postgate", "up"],
    ["bus", "up"],
    ["postgres", "up"],
  ]);
  for (const name of ["API", "Logs", "Scheduler", "Postgate", "Bus", "PostgreSQL"]) {
    await page.getByRole("region", { name, exact: true }).getByText("Up", { exact: true }).waitFor();
  }
  const bus = page.getByRole("region", { name: "Bus" });
  for (const name of ["logs stored", "queues stored", "due crons not taken yet", "failed publications"]) {
    await bus.getByText(name).first().waitFor();
  }
  await page.getByRole("region", { name: "Logs" }).getByText("batches not stored yet").waitFor();
  expect(await look(page, "system-services")).toEqual([]);

  await tab(page, "Versions");
  await page.waitForURL("**/system/versions");
  await page.getByText("The database is where this release wants it.").waitFor();
  const versions = await get<{ workerd: string; migrations: { name: string }[] }>("/system/versions");
  for (const shown of [Bun.version, versions.workerd, versions.migrations.at(-1)?.name ?? "?"]) {
    await page.getByText(shown, { exact: true }).waitFor();
  }
  expect(await look(page, "system-versions")).toEqual([]);
});

test("links by which somebody gets in are made for users, and work once", async () => {
  const { dashboard } = tests;
  await dashboard.api("POST", "/accounts", { name: "crew", displayName: "Crew" });
  await join(dashboard, "crew", { email: "bob@example.com", name: "Bob", role: "developer" });
  const page = await dashboard.page("/system/users");
  await page.getByRole("row", { name: /ada@example\.com Admin/ }).waitFor();
  await page.getByRole("row", { name: /bob@example\.com user/ }).waitFor();
  expect(await look(page, "system-users")).toEqual([]);

  await page.getByRole("button", { name: "Reset link for bob@example.com" }).click();
  await dialog(page, "Make a reset link for bob@example.com?")
    .getByRole("button", { name: "Make the link" })
    .click();
  const reset = dialog(page, "Reset link for bob@example.com");
  const resetLink = await reset.getByLabel("Link", { exact: true }).inputValue();
  expect(resetLink).toStartWith(`${dashboard.origin}/reset?token=`);
  expect(await look(page, "system-link")).toEqual([]);
  await reset.getByRole("button", { name: "Done" }).click();
  const bob = await dashboard.visitor();
  await bob.goto(resetLink);
  await bob.getByLabel("New password").fill("another battery staple");
  await bob.getByRole("button", { name: "Change the password" }).click();
  await bob.getByRole("heading", { name: "Your password is changed" }).waitFor();

  await page.getByRole("button", { name: "Setup link for an admin" }).click();
  await page.getByRole("button", { name: "Make the link" }).click();
  const setup = dialog(page, "Setup link");
  const setupLink = await setup.getByLabel("Link", { exact: true }).inputValue();
  expect(setupLink).toStartWith(`${dashboard.origin}/setup?token=`);
  await page.keyboard.press("Escape");
  const grace = await dashboard.visitor();
  await grace.goto(setupLink);
  await grace.getByLabel("Name").fill("Grace");
  await grace.getByLabel("E-mail").fill("grace@example.com");
  await grace.getByLabel("Password").fill("yet another battery");
  await grace.getByRole("button", { name: "Make the account" }).click();
  await grace.getByRole("link", { name: "System" }).waitFor();
  await page.reload();
  await page.getByRole("row", { name: /grace@example\.com Admin/ }).waitFor();
});

test("who is no admin neither sees the area nor gets what it shows", async () => {
  const { dashboard } = tests;
  const eve = await join(dashboard, "crew", { email: "eve@example.com", name: "Eve", role: "developer" });
  const page = await dashboard.page("/queues", eve);
  await page.getByRole("heading", { name: "Queues", level: 1 }).waitFor();
  expect(await page.getByRole("link", { name: "System" }).count()).toBe(0);
  await page.goto("/system/users");
  await page.waitForURL(`${dashboard.origin}/`);
  for (const [method, path, body] of [
    ["GET", "runners"],
    ["GET", "services"],
    ["GET", "versions"],
    ["GET", "users"],
    ["POST", "reset-links", { email: "ada@example.com" }],
    ["POST", "setup-links"],
  ] as const) {
    const answer = await dashboard.platform.fetch("api", `/v1/system/${path}`, {
      method,
      headers: { authorization: `Bearer ${eve.token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect([path, answer.status]).toEqual([path, 403]);
  }
});

test("what cannot be asked says so, and is asked again", async () => {
  const page = await tests.dashboard.page("/account");
  const broken = { status: 500, json: { error: { code: "INTERNAL", message: "It broke." } } };
  await page.route("**/v1/system/services", (route) => route.fulfill(broken));
  await page.goto("/system/services");
  await page.getByRole("alert").filter({ hasText: "It broke." }).waitFor();
  expect(await look(page, "system-error")).toEqual([]);
  await page.unroute("**/v1/system/services");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("region", { name: "Scheduler" }).waitFor();
});
