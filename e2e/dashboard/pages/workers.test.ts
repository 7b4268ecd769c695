import { beforeAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { look } from "../browser.ts";
import { deployed } from "../deploys.ts";
import { join, type Member } from "../people.ts";
import { dashboardTests } from "../rig.ts";

const tests = dashboardTests();

const script = (answer: string) => `export default {
  fetch(request) {
    if (new URL(request.url).pathname === "/throw") throw new Error("out of order");
    return new Response(${JSON.stringify(answer)});
  },
  scheduled() { throw new Error("the shelf is empty"); },
};
`;

interface Deployment {
  readonly versions: readonly { readonly version: number; readonly percent: number }[];
  readonly message: string | null;
}

let eve: Member;
beforeAll(async () => {
  const { dashboard } = tests;
  await dashboard.api("POST", "/accounts", { name: "crew", displayName: "Crew" });
  eve = await join(dashboard, "crew", { email: "eve@example.com", name: "Eve", role: "viewer" });
});

const answers = async (worker: string, path = "/") =>
  (await tests.dashboard.platform.fetch(worker, path)).text();

/** Resolves once the worker answers so: what is live reaches the runners within a moment. */
async function answersSoon(worker: string, text: string): Promise<void> {
  const until = performance.now() + 10_000;
  for (;;) {
    const now = await answers(worker);
    if (now === text) return;
    if (performance.now() > until) throw new Error(`${worker} answers ${now}, and not ${text}`);
  }
}

const lastDeployment = async (worker: string) => {
  const path = `/workers/${worker}/deployments?limit=1`;
  return (await tests.dashboard.api<{ items: Deployment[] }>("GET", path)).items[0];
};
const row = (page: Page, name: string) =>
  page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
const dialog = (page: Page) => page.getByRole("dialog");
const fails = (page: Page, path: string) =>
  page.route(path, (route) =>
    route.fulfill({ status: 500, json: { error: { code: "INTERNAL", message: "It broke." } } }),
  );
/** Sum of a chart's column, as it is read out. */
async function sumOf(page: Page, chart: string, series: string): Promise<number> {
  const table = page.getByRole("table", { name: chart });
  const names = await table.getByRole("row").first().locator("th").allTextContents();
  const cells = await table.locator(`tbody tr > :nth-child(${names.indexOf(series) + 1})`).allTextContents();
  return cells.reduce((sum, text) => sum + (text === "–" ? 0 : Number(text)), 0);
}

test("an account without workers is led to its first, which is made from a template", async () => {
  const { dashboard } = tests;
  const page = await dashboard.page("/");
  await page.getByRole("heading", { name: "Make your first worker" }).waitFor();
  expect(await look(page, "overview-empty")).toEqual([]);
  await page
    .getByRole("navigation", { name: "Main" })
    .getByRole("link", { name: "Workers", exact: true })
    .click();
  await page.getByRole("heading", { name: "No workers yet" }).waitFor();
  expect(await look(page, "workers-empty")).toEqual([]);
  await page.getByRole("link", { name: "Create a worker" }).first().click();
  await page.waitForURL("**/workers/new");
  await page.getByRole("radio", { name: /^KV counter/ }).check();
  const name = page.getByLabel("Name", { exact: true });
  await page.getByText("It will answer at counter.localhost").waitFor();
  await name.fill("Not A Name");
  await page.getByText("Use 1 to 50 lower-case letters and digits").waitFor();
  await name.fill("visits");
  await page.getByText("It will answer at visits.localhost").waitFor();
  expect(await look(page, "workers-new")).toEqual([]);
  await page.getByRole("button", { name: "Create and deploy" }).click();
  await page.waitForURL("**/workers/visits/editor");
  await page.locator(".monaco-editor .view-line").first().waitFor();
  while ((await dashboard.platform.fetch("visits", "/here")).status !== 200);
  expect(JSON.parse(await answers("visits", "/here"))).toMatchObject({ path: "/here" });
  await page.goto("/workers/new");
  await page.getByLabel("Name", { exact: true }).fill("visits");
  await page.getByText("A worker of yours has that name.").waitFor();
  expect(await page.getByRole("button", { name: "Create and deploy" }).isDisabled()).toBe(true);
});

test("the overview tells what was asked of the workers, what was deployed and what fails", async () => {
  const { dashboard } = tests;
  const crons = ["0 0 1 1 *"];
  await deployed(dashboard, { name: "shop", code: script("one"), metadata: { crons, message: "The first" } });
  for (let call = 0; call < 3; call++) await answers("shop", "/throw");
  const { items } = await dashboard.api<{ items: { id: string }[] }>("GET", "/workers/shop/crons");
  await dashboard.api("POST", `/workers/shop/crons/${items[0]?.id}/run`);
  type Counts = { workers: { worker: string; requests: number; errors: number }[] };
  let counted: Counts["workers"][number] | undefined;
  while ((counted?.errors ?? 0) < 3) {
    counted = (await dashboard.api<Counts>("GET", "/stats")).workers.find(({ worker }) => worker === "shop");
  }
  while ((await dashboard.api<{ items: object[] }>("GET", "/crons/failing")).items.length === 0);

  const page = await dashboard.page("/");
  const cells = row(page, "shop").getByRole("cell");
  await cells
    .filter({ hasText: /^\s*[34]\s*$/ })
    .first()
    .waitFor();
  await page.getByText("the shelf is empty").waitFor();
  const deploys = page.getByRole("region", { name: "Recent deployments" });
  await deploys.getByText("The first").waitFor();
  await deploys.getByText("Made from the template “KV counter”").waitFor();
  expect(await page.locator("svg path, svg polyline").count()).toBeGreaterThan(0);
  expect(await look(page, "overview")).toEqual([]);

  await fails(page, "**/v1/stats*");
  await page.reload();
  await page.getByRole("alert").filter({ hasText: "It broke." }).waitFor();
  await page.unroute("**/v1/stats*");
  await page.getByRole("button", { name: "Try again" }).click();
  await cells
    .filter({ hasText: /^\s*[34]\s*$/ })
    .first()
    .waitFor();

  await page.getByRole("link", { name: "All workers" }).click();
  await row(page, "visits").waitFor();
  expect(await look(page, "workers")).toEqual([]);
  await page.getByRole("searchbox", { name: "Find a worker by name" }).fill("hop");
  await row(page, "visits").waitFor({ state: "detached" });
  await row(page, "shop").waitFor();
  await page.getByRole("searchbox", { name: "Find a worker by name" }).fill("nothing");
  await page.getByRole("heading", { name: "No worker is called that" }).waitFor();
});

test("a worker's charts add up to what was counted, over an hour, a day and a week", async () => {
  const { dashboard } = tests;
  type Stats = { steps: { requests: number; coldStarts: number; outcomes: Record<string, number> }[] };
  const { steps } = await dashboard.api<Stats>("GET", "/workers/shop/stats");
  const count = (of: (step: Stats["steps"][number]) => number) =>
    steps.reduce((sum, step) => sum + of(step), 0);
  const requests = count((step) => step.requests);
  const page = await dashboard.page("/workers/shop");
  const range = (name: string) =>
    page.getByRole("navigation", { name: "Range" }).getByRole("link", { name }).click();
  const table = page.getByRole("table", { name: "Requests", exact: true });
  await table.getByRole("row").nth(90).waitFor({ state: "attached" });
  for (const [name, address, rows] of [
    ["1 hour", "1h", 60],
    ["7 days", "7d", 84],
    ["24 hours", "24h", 96],
  ] as const) {
    await range(name);
    await page.waitForURL(`**/workers/shop?range=${address}`);
    await table.getByRole("row").nth(rows).waitFor({ state: "attached" });
    while ((await table.getByRole("row").count()) > rows + 2);
    expect(await sumOf(page, "Requests", "Requests")).toBe(requests);
    expect(await sumOf(page, "Errors by outcome", "exception")).toBe(
      count(({ outcomes }) => outcomes.exception ?? 0),
    );
    expect(await sumOf(page, "Cold starts", "Cold starts")).toBe(count(({ coldStarts }) => coldStarts));
    for (const [chart, series] of [
      ["Wall time", "p50"],
      ["Wall time", "p99"],
      ["CPU time per request", "CPU per request"],
    ] as const)
      expect(await sumOf(page, chart, series)).toBeGreaterThan(0);
  }
  await page.getByRole("region", { name: "Live versions" }).getByText("100 %").waitFor();
  await page.getByRole("region", { name: "Crons" }).getByText("0 0 1 1 *").waitFor();
  expect(await look(page, "worker")).toEqual([]);
  await fails(page, "**/v1/workers/shop/stats*");
  await page.reload();
  await page.getByRole("alert").filter({ hasText: "It broke." }).waitFor();
  await page.unroute("**/v1/workers/shop/stats*");
  await page.getByRole("button", { name: "Try again" }).click();
  await table.getByRole("row").nth(90).waitFor({ state: "attached" });
  await page.goto("/workers/nobody");
  await page.getByRole("heading", { name: "There is no such worker" }).waitFor();
});

test("what was deployed is told with who, when and why, compared, rolled back and made live again", async () => {
  const { dashboard } = tests;
  await deployed(dashboard, {
    name: "shop",
    code: script("two"),
    metadata: { message: "Say two", vars: { PLAN: { kind: "text", value: "free" } } },
  });
  await answersSoon("shop", "two");
  const page = await dashboard.page("/workers/shop");
  await page.getByRole("navigation", { name: "Worker" }).getByRole("link", { name: "Deployments" }).click();
  const history = page.getByRole("region", { name: "History" }).getByRole("listitem");
  const newest = history.first();
  await newest.getByText("Live", { exact: true }).waitFor();
  expect(await newest.textContent()).toMatch(/v2.*Live.*Say two.*ada/s);
  expect(Date.now() - Date.parse((await newest.locator("time").getAttribute("datetime")) ?? "")).toBeLessThan(
    3_600_000,
  );
  expect(await history.nth(1).textContent()).toMatch(/v1.*The first.*ada/s);

  await page.getByRole("link", { name: "Compare version 2 with 1" }).click();
  await page.getByRole("row", { name: /Variable PLAN.*–.*free/ }).waitFor();
  await page.getByText('Response("one")').first().waitFor();
  await page.getByText('Response("two")').first().waitFor();
  expect(await look(page, "deployments-compare")).toEqual([]);
  await page.getByRole("link", { name: "Back to the deployments" }).click();
  await page.getByRole("link", { name: "Source of version 1" }).click();
  await page.getByText('Response("one")').first().waitFor();
  expect(await look(page, "deployments-version")).toEqual([]);
  await page.getByRole("link", { name: "Back to the deployments" }).click();

  await page.getByRole("button", { name: "Roll back", exact: true }).click();
  await dialog(page)
    .getByText("Version 1 serves all requests within a second, instead of version 2")
    .waitFor();
  await dialog(page).getByLabel("Message").fill("Two is one too many");
  expect(await look(page, "deployments-roll-back")).toEqual([]);
  await dialog(page).getByRole("button", { name: "Roll back" }).click();
  await newest.getByText("Two is one too many").waitFor();
  await answersSoon("shop", "one");
  expect(await lastDeployment("shop")).toMatchObject({
    versions: [{ version: 1, percent: 100 }],
    message: "Two is one too many",
  });
  await page.getByRole("button", { name: "Make live: version 2" }).click();
  await dialog(page).getByRole("button", { name: "Make live" }).click();
  await page.getByRole("button", { name: "Make live: version 1" }).waitFor();
  await answersSoon("shop", "two");
});

test("requests are shifted from one version to the other with the slider", async () => {
  const page = await tests.dashboard.page("/workers/shop/deployments");
  const shift = page.getByRole("region", { name: "Gradual shift" });
  const slider = shift.getByRole("slider", { name: "Share of version 1" });
  await slider.waitFor();
  expect(await slider.inputValue()).toBe("0");
  expect(await shift.getByRole("button", { name: "Shift requests" }).isDisabled()).toBe(true);
  const spoken = (text: string) => shift.locator(`[aria-valuetext="${text}"]`).waitFor();
  await shift.getByRole("button", { name: "50 %" }).click();
  await spoken("50 % to version 1, 50 % to version 2");
  await slider.press("ArrowLeft");
  await spoken("49 % to version 1, 51 % to version 2");
  await slider.press("ArrowRight");
  await spoken("50 % to version 1, 50 % to version 2");
  await shift.getByLabel("Message").fill("Half of them");
  expect(await look(page, "deployments-shift")).toEqual([]);
  await shift.getByRole("button", { name: "Shift requests" }).click();
  await page.getByRole("region", { name: "History" }).getByText("Half of them").waitFor();
  const { versions } = (await lastDeployment("shop")) ?? { versions: [] };
  expect(versions.toSorted((a, b) => a.version - b.version)).toEqual([
    { version: 1, percent: 50 },
    { version: 2, percent: 50 },
  ]);
  const seen = new Set<string>();
  while (seen.size < 2) seen.add(await answers("shop"));
  expect([...seen].sort()).toEqual(["one", "two"]);
  expect(await look(page, "deployments")).toEqual([]);
  // Back to all, by hand: of the two that are live the newer is what one shifts to.
  await shift.getByRole("slider", { name: "Share of version 2" }).press("End");
  await shift.getByRole("button", { name: "Shift requests" }).click();
  await page.getByText("100 % to version 2, 0 % to version 1.").first().waitFor();
  expect((await lastDeployment("shop"))?.versions).toEqual([{ version: 2, percent: 100 }]);
});

test("a viewer sees all of it and is offered no change; a history that fails is asked for again", async () => {
  const { dashboard } = tests;
  for (const answer of ["one", "two"])
    await deployed(dashboard, { name: "shared", code: script(answer), metadata: { account: "crew" } });
  const page = await dashboard.page("/workers/shared/deployments", eve);
  const history = page.getByRole("region", { name: "History" });
  await history.getByText("v2").waitFor();
  await page.getByRole("link", { name: "Compare version 2 with 1" }).waitFor();
  expect(await page.getByRole("button", { name: /Roll back|Make live|Shift/ }).count()).toBe(0);
  expect(await look(page, "deployments-viewer")).toEqual([]);
  const refused = await dashboard.platform.fetch("api", "/v1/workers/shared/rollback", {
    method: "POST",
    headers: { authorization: `Bearer ${eve.token}`, "content-type": "application/json" },
    body: JSON.stringify({ version: 1 }),
  });
  expect(refused.status).toBe(403);
  await fails(page, "**/v1/workers/shared/deployments*");
  await page.reload();
  await history.getByRole("alert").filter({ hasText: "It broke." }).waitFor();
  await page.unroute("**/v1/workers/shared/deployments*");
  await history.getByRole("button", { name: "Try again" }).click();
  await history.getByText("v2").waitFor();
});
