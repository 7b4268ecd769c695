import { beforeAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { look } from "../browser.ts";
import { deployed } from "../deploys.ts";
import { dashboardTests, type Person } from "../rig.ts";

const tests = dashboardTests();
const text = (value: string) => ({ kind: "text", value });
const code = `export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/spin") { const end = Date.now() + 3_000; while (Date.now() < end); }
    if (pathname === "/kv") {
      await env.SESSIONS.put("visits", "7");
      return new Response(await env.SESSIONS.get("visits"));
    }
    const { GREETING, TOKEN, PLAN, NOTE } = env;
    return Response.json({ GREETING, TOKEN: TOKEN?.length, PLAN, NOTE, KV: typeof env.SESSIONS });
  },
};`;

/** Who has an account of their own, may only look at Ada's organisation, and runs nothing. */
let bob: Person & { readonly token: string };

beforeAll(async () => {
  const { dashboard } = tests;
  const limits = { queueMs: 5_000 };
  await deployed(dashboard, {
    name: "shop",
    code,
    metadata: { vars: { GREETING: text("hi"), PLAN: text("free") }, limits },
  });
  await dashboard.api("POST", "/accounts", { name: "acme" });
  const { token } = await dashboard.api<{ token: string }>("POST", "/accounts/acme/invitations", {
    email: "bob@example.com",
    role: "viewer",
  });
  const password = "staple battery horse";
  const joined = await dashboard.api<{ token: string }>("POST", "/auth/sign-up/invited?token=true", {
    ...{ invitation: token, name: "Bob", password },
  });
  bob = { email: "bob@example.com", password, token: joined.token };
}, 60_000);

/** What the worker answers, once that is so: a change reaches running workers within a moment. */
async function answers(worker: string, path: string, wanted: (text: string) => boolean): Promise<void> {
  for (;;) {
    const answer = await tests.dashboard.platform.fetch(worker, path);
    if (wanted(await answer.text())) return;
    await Bun.sleep(50);
  }
}
const seesIn = (worker: string, wanted: object) =>
  answers(worker, "/", (text) => Bun.deepMatch(wanted, JSON.parse(text) as object));

const dialog = (page: Page) => page.getByRole("dialog");
/** Of a table, by the name in its first cell. */
const row = (page: Page, name: string) =>
  page.getByRole("row").filter({ has: page.getByRole("rowheader", { name, exact: true }) });
const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).first().click();

test("variables and secrets are added from a pasted file, changed, covered and deleted", async () => {
  const page = await tests.dashboard.page("/workers/shop");
  await page.getByRole("navigation", { name: "Worker" }).getByRole("link", { name: "Settings" }).click();
  await page.waitForURL("**/settings/variables");
  await row(page, "GREETING").getByText("Manifest").waitFor();
  await press(page, "Add");
  const form = dialog(page);
  await form.getByLabel("Name 1").fill("1x");
  await form.getByRole("button", { name: "Save" }).click();
  await form.getByText("Letters, digits and underscores, no digit first.").waitFor();
  await form.getByLabel("Name 1").fill("");
  await form.getByLabel("Name 1").focus();
  const file = "# of the shop\nTOKEN='a secret'\nNOTE=\"two\\nlines\"\nexport GREETING=hello";
  await page.evaluate(`(() => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", ${JSON.stringify(file)});
    document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  })()`);
  expect(await form.getByLabel("Name 3").inputValue()).toBe("GREETING");
  await form.getByText("Goes before the variable of that name.").waitFor();
  await form.getByLabel("Secret").first().check();
  expect(await look(page, "settings-values-add")).toEqual([]);
  await form.getByRole("button", { name: "Save 3" }).click();
  await row(page, "TOKEN").getByText("Secret").waitFor();
  await seesIn("shop", { GREETING: "hello", TOKEN: 8, PLAN: "free", NOTE: "two\nlines" });
  await page.getByText("Manifest, covered").waitFor();
  expect(await page.getByText("a secret", { exact: true }).count()).toBe(0);
  expect(await look(page, "settings-values")).toEqual([]);
  await press(page, "Change TOKEN");
  await dialog(page).getByLabel("Value 1").fill("another secret");
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await seesIn("shop", { TOKEN: 14 });
  await press(page, "Delete NOTE");
  await dialog(page).getByRole("button", { name: "Delete" }).click();
  await row(page, "NOTE").waitFor({ state: "detached" });
  await answers("shop", "/", (text) => !("NOTE" in JSON.parse(text)));
});

test("what somebody else changed meanwhile is not written over", async () => {
  const page = await tests.dashboard.page("/workers/shop/settings/variables");
  await press(page, "Add");
  await dialog(page).getByLabel("Name 1").fill("MINE");
  await dialog(page).getByLabel("Value 1").fill("1");
  await tests.dashboard.api("PATCH", "/workers/shop/values", { vars: { THEIRS: "2" } });
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await dialog(page).getByText("Somebody changed it meanwhile.").waitFor();
  await row(page, "THEIRS").waitFor({ state: "attached" });
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await row(page, "MINE").waitFor();
});

test("a binding is made with its namespace, reaches the worker, and is removed again", async () => {
  const page = await tests.dashboard.page("/workers/shop/settings/bindings");
  await page.getByRole("heading", { name: "No bindings" }).waitFor();
  expect(await look(page, "settings-bindings-empty")).toEqual([]);
  await press(page, "Add a binding");
  const form = dialog(page);
  await form.getByLabel("Name", { exact: true }).fill("SESSIONS");
  await form.getByLabel("Name of the new namespace").fill("shop-sessions");
  expect(await look(page, "settings-bindings-add")).toEqual([]);
  await form.getByRole("button", { name: "Bind" }).click();
  await row(page, "SESSIONS").getByRole("link", { name: "shop-sessions" }).waitFor();
  await answers("shop", "/kv", (text) => text === "7");
  await press(page, "Change SESSIONS");
  await dialog(page).getByLabel("KV namespace").selectOption({ label: "Make a new namespace…" });
  await dialog(page).getByLabel("Name of the new namespace").fill("other-sessions");
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await row(page, "SESSIONS").getByRole("link", { name: "other-sessions" }).waitFor();
  const { items } = await tests.dashboard.api<{ items: object[] }>("GET", "/workers/shop/bindings");
  expect(items).toMatchObject([
    { name: "SESSIONS", kind: "kv", resource: "other-sessions", source: "environment" },
  ]);
  await press(page, "Remove SESSIONS");
  await dialog(page).getByText("KV namespace other-sessions stays").waitFor();
  await dialog(page).getByRole("button", { name: "Remove" }).click();
  await page.getByRole("heading", { name: "No bindings" }).waitFor();
  await seesIn("shop", { KV: "undefined" });
});

test("every kind can be bound to what is there, and what a version brings is shown", async () => {
  const { dashboard } = tests;
  const rate = { namespace: "shop", limit: 20, periodSeconds: 60 };
  const metadata = {
    bindings: { LIMIT: { kind: "rate-limit", settings: rate }, ME: { kind: "version-metadata" } },
  };
  await deployed(dashboard, { name: "bound", code, metadata });
  await dashboard.api("POST", "/storage", { name: "pictures" });
  await dashboard.api("POST", "/queues", { name: "mails" });
  await dashboard.api("POST", "/databases", { name: "books" });
  const page = await dashboard.page("/workers/bound/settings/bindings");
  await row(page, "LIMIT").getByText("20 calls in 60 s, counted as shop").waitFor();
  for (const [name, kind, label, resource] of [
    ["PICTURES", "Storage bucket", "Storage bucket", "pictures"],
    ["MAILS", "Queue producer", "Queue producer", "mails"],
    ["BOOKS", "Database", "Database", "books"],
    ["PG", "Database connection", "Database connection", "books"],
    ["SHOP", "Worker", "Worker", "shop"],
  ] as const) {
    await press(page, "Add a binding");
    await dialog(page).getByLabel("Name", { exact: true }).fill(name);
    await dialog(page).getByLabel("Kind").selectOption({ label: kind });
    await dialog(page).getByLabel(label, { exact: true }).selectOption({ label: resource });
    await dialog(page).getByRole("button", { name: "Bind" }).click();
    await row(page, name).getByRole("link", { name: resource, exact: true }).waitFor();
  }
  expect(await look(page, "settings-bindings")).toEqual([]);
  // A worker that another is bound to stays.
  await page.goto("/workers/shop/settings/general");
  await press(page, "Delete shop");
  await dialog(page).getByLabel("Type").fill("shop");
  await dialog(page).getByRole("button", { name: "Delete the worker" }).click();
  await page.getByRole("alert").getByText("bound").waitFor();
});

test("a domain is claimed, its proof is shown and looked for; routes are set; both are given up", async () => {
  const { dashboard } = tests;
  await deployed(dashboard, { name: "stall", code, token: bob.token });
  const page = await dashboard.page("/workers/stall/settings/domains", bob);
  await page.getByRole("heading", { name: "No domains" }).waitFor();
  await press(page, "Add a domain");
  await dialog(page).getByLabel("Host name").fill("not a host");
  await dialog(page).getByRole("button", { name: "Add" }).click();
  await dialog(page).locator("input[aria-invalid=true]").waitFor();
  await dialog(page).getByLabel("Host name").fill("stall.example.invalid");
  await dialog(page).getByRole("button", { name: "Add" }).click();
  await page.getByText("_openworkers.stall.example.invalid").waitFor();
  await page.getByRole("button", { name: "Copy the record's value" }).waitFor();
  await press(page, "Check now: stall.example.invalid");
  await page.getByRole("status").getByText(/\S/).first().waitFor();
  expect(await look(page, "settings-domains-pending")).toEqual([]);
  await page.getByLabel("New route").fill("stall.example.invalid/api/*");
  await press(page, "Add");
  await page.getByRole("alert").getByText("needs stall.example.invalid as a verified domain").waitFor();
  await press(page, "Give stall.example.invalid up");
  await dialog(page).getByRole("button", { name: "Give it up" }).click();
  await page.getByRole("heading", { name: "No domains" }).waitFor();
  // An operator proves nothing.
  const ada = await dashboard.page("/workers/shop/settings/domains");
  await press(ada, "Add a domain");
  await dialog(ada).getByLabel("Host name").fill("shop.example.invalid");
  await dialog(ada).getByRole("button", { name: "Add" }).click();
  await ada.getByText("Verified", { exact: true }).waitFor();
  await ada.getByLabel("New route").fill("shop.example.invalid/api/*");
  await press(ada, "Add");
  await ada.getByText("shop.example.invalid/api/*", { exact: true }).waitFor();
  expect(await look(ada, "settings-domains")).toEqual([]);
  await press(ada, "Remove shop.example.invalid/api/*");
  await dialog(ada).getByRole("button", { name: "Remove" }).click();
  await ada.getByText("No routes.").waitFor();
  expect(await dashboard.api<object>("GET", "/workers/shop/routes")).toEqual({ patterns: [] });
});

test("limits are changed within what the platform allows, and hold", async () => {
  const page = await tests.dashboard.page("/workers/shop/settings/limits");
  const cpu = page.getByLabel("CPU time");
  await page.getByText("Manifest: 5000 ms").waitFor();
  await cpu.fill("31000");
  await page.getByText("is more than the platform allows").waitFor();
  expect(await page.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
  await cpu.fill("50");
  await page.getByLabel("Request body").fill("1.5");
  await page.getByText("2 changes").waitFor();
  expect(await look(page, "settings-limits")).toEqual([]);
  await press(page, "Save");
  await page.getByText("The limits are saved.").waitFor();
  const { limits } = await tests.dashboard.api<{ limits: object }>("GET", "/workers/shop");
  expect(limits).toEqual({ cpuMs: 50, bodyBytes: 1.5 * 2 ** 20 });
  while (
    (await tests.dashboard.platform.fetch("shop", "/spin")).headers.get("x-termination-reason") !==
    "cpu-limit"
  );
  await cpu.fill("");
  await press(page, "Save");
  await page.getByText("One change").waitFor({ state: "detached" });
  expect(await tests.dashboard.api<object>("GET", "/workers/shop")).toMatchObject({
    limits: { bodyBytes: 1.5 * 2 ** 20 },
  });
});

test("a worker is renamed, given another environment, and deleted with its name typed", async () => {
  const { dashboard } = tests;
  await deployed(dashboard, { name: "brief", code });
  await dashboard.api("PATCH", "/workers/brief/values", { vars: { NOTE: "own" } });
  await dashboard.api("POST", "/environments", { name: "staging" });
  const page = await dashboard.page("/workers/brief/settings/general");
  await page.getByLabel("Days").fill("3");
  await page
    .locator("form", { has: page.getByLabel("Days") })
    .getByRole("button", { name: "Save" })
    .click();
  await page.getByText("Its logs are kept for 3 days.").waitFor();
  await page.getByRole("combobox", { name: "Environment" }).selectOption("staging");
  await press(page, "Use it");
  await dialog(page).getByRole("button", { name: "Use it" }).click();
  await page.getByText("It uses the environment staging.").waitFor();
  expect(await dashboard.api<object>("GET", "/workers/brief")).toMatchObject({
    logRetentionDays: 3,
    environment: "staging",
  });
  expect(await look(page, "settings-general")).toEqual([]);
  await page.getByRole("textbox", { name: "Name" }).fill("briefer");
  await press(page, "Rename");
  await dialog(page).getByRole("button", { name: "Rename" }).click();
  await page.waitForURL("**/workers/briefer/settings/general");
  await press(page, "Delete briefer");
  await dialog(page).getByText("every version and deployment").waitFor();
  expect(await look(page, "settings-delete")).toEqual([]);
  const button = dialog(page).getByRole("button", { name: "Delete the worker" });
  await dialog(page).getByLabel("Type").fill("brief");
  expect(await button.isDisabled()).toBe(true);
  await dialog(page).getByLabel("Type").fill("briefer");
  await button.click();
  await page.waitForURL("**/workers");
  await page.getByRole("link", { name: "shop", exact: true }).waitFor();
  await page.waitForLoadState("networkidle");
  await expect(dashboard.api("GET", "/workers/briefer")).rejects.toThrow("404");
});

test("a viewer sees the settings and is offered no change; what cannot be read is tried again", async () => {
  const { dashboard } = tests;
  await deployed(dashboard, {
    name: "theirs",
    code,
    metadata: { account: "acme", vars: { PLAN: text("acme") } },
  });
  const page = await dashboard.page("/workers/theirs/settings/variables", bob);
  await page.getByText("You may look at these settings, and not change them").waitFor();
  await row(page, "PLAN").waitFor();
  expect(await page.getByRole("button", { name: "Add", exact: true }).isDisabled()).toBe(true);
  expect(await look(page, "settings-viewer")).toEqual([]);
  await page.goto("/workers/theirs/settings/general");
  await page.getByText("That takes the role of an admin.").waitFor();
  expect(await page.getByRole("button", { name: "Delete theirs" }).isDisabled()).toBe(true);
  await page.route("**/v1/limits", (route) =>
    route.fulfill({ status: 500, json: { error: { code: "INTERNAL", message: "It broke." } } }),
  );
  await page.goto("/workers/theirs/settings/limits");
  await page.getByRole("alert").getByText("It broke.").waitFor();
  expect(await look(page, "settings-failed")).toEqual([]);
  await page.unroute("**/v1/limits");
  await press(page, "Try again");
  await page.getByLabel("CPU time").waitFor();
});
