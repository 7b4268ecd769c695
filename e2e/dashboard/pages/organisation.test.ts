import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { look, until } from "../browser.ts";
import { isGood, join } from "../people.ts";
import { dashboardTests } from "../rig.ts";

const tests = dashboardTests();
const dialog = (page: Page, name: string) => page.getByRole("dialog", { name });

interface MemberItem {
  readonly name: string;
  readonly role: string;
}

async function membersOf(organisation: string): Promise<string[]> {
  const { items } = await tests.dashboard.api<{ items: MemberItem[] }>(
    "GET",
    `/accounts/${organisation}/members`,
  );
  return items.map(({ name, role }) => `${name} ${role}`);
}

async function show(page: Page, organisation: string): Promise<void> {
  await page.getByRole("combobox", { name: "Account", exact: true }).selectOption({ label: organisation });
  await page.getByRole("heading", { name: organisation, level: 1 }).waitFor();
}

test("one is made, shown at once, and shown again at the next visit", async () => {
  const page = await tests.dashboard.page("/organisation");
  await page.getByText("You are in no organisation").waitFor();
  expect(await look(page, "organisation-none")).toEqual([]);
  await page.getByRole("button", { name: "Make one" }).click();
  const form = dialog(page, "New organisation");
  await form.getByLabel("Called").fill("Acme Works");
  expect(await form.getByLabel("Name").inputValue()).toBe("acme-works");
  await form.getByLabel("Name").fill("Not A Name");
  await form.getByRole("button", { name: "Make it" }).click();
  await form.getByText("is no name").waitFor();
  await form.getByLabel("Name").fill("acme");
  await form.getByRole("button", { name: "Make it" }).click();
  await page.getByRole("heading", { name: "Acme Works", level: 1 }).waitFor();
  await page.getByRole("row", { name: /Ada.*you.*owner/s }).waitFor();
  expect(await membersOf("acme")).toEqual(["ada owner"]);
  await page.reload();
  await page.getByRole("heading", { name: "Acme Works", level: 1 }).waitFor();
  await page.getByRole("combobox", { name: "Account", exact: true }).selectOption({ label: "Ada" });
  await page.getByRole("button", { name: "Show acme" }).click();
  await page.getByRole("heading", { name: "Acme Works", level: 1 }).waitFor();
});

test("somebody is invited by a link that is shown once, which can be taken back", async () => {
  const { dashboard } = tests;
  const page = await dashboard.page("/organisation");
  await show(page, "Acme Works");
  await page.getByText("Nobody is invited").waitFor();
  const invite = async (email: string, role: string) => {
    await page.getByRole("button", { name: "Invite" }).click();
    const form = dialog(page, "Invite to Acme Works");
    await form.getByLabel("E-mail").fill(email);
    await form.getByLabel("Role").selectOption(role);
    await form.getByRole("button", { name: "Invite" }).click();
    const made = dialog(page, "The invitation's link");
    const link = (await made.getByLabel("The link", { exact: true }).textContent())?.trim() ?? "";
    expect(link).toStartWith(`${dashboard.origin}/sign-up/invited?token=`);
    return { link, made };
  };
  const first = await invite("eve@example.com", "admin");
  expect(await look(page, "organisation-invited")).toEqual([]);
  await first.made.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "Withdraw the invitation of eve@example.com" }).click();
  await dialog(page, "Withdraw the invitation").getByRole("button", { name: "Withdraw" }).click();
  await page.getByText("Nobody is invited").waitFor();
  const eve = await dashboard.visitor();
  await eve.goto(first.link);
  await eve.getByRole("alert").waitFor();

  const second = await invite("bob@example.com", "viewer");
  await second.made.getByRole("button", { name: "Done" }).click();
  await page.getByRole("row", { name: /bob@example\.com.*viewer/ }).waitFor();
  expect(await look(page, "organisation-members")).toEqual([]);
  const bob = await dashboard.visitor();
  await bob.goto(second.link);
  await bob.getByLabel("Name").fill("Bob");
  await bob.getByLabel("Password").fill("can we fix it");
  await bob.getByRole("button", { name: "Make the account and join" }).click();
  await bob.getByRole("heading", { name: "Acme Works", level: 1 }).waitFor();
  expect(await membersOf("acme")).toEqual(["ada owner", "bob viewer"]);

  // A viewer reads who is there, and is told why no more.
  await bob.getByText("You are viewer here: admins and owners manage members.").waitFor();
  expect(await bob.getByRole("combobox", { name: /^Role of/ }).count()).toBe(0);
  expect(await bob.getByRole("button", { name: /^(Remove|Invite)/ }).count()).toBe(0);
  expect(await look(bob, "organisation-members-viewer")).toEqual([]);
  await bob.getByRole("link", { name: "Audit log" }).click();
  await bob.getByText("You are viewer here: admins and owners read the audit log.").waitFor();
  expect(await look(bob, "organisation-audit-viewer")).toEqual([]);
  await bob.getByRole("link", { name: "Settings" }).click();
  await bob.getByText("You are viewer here: admins and owners change it.").waitFor();
  await bob.getByRole("button", { name: "Save", disabled: true }).waitFor();
  await bob.getByRole("button", { name: "Delete…", disabled: true }).waitFor();
  await bob.getByRole("link", { name: "Members" }).click();
  await bob.getByRole("button", { name: "Leave" }).click();
  await dialog(bob, "Leave Acme Works").getByRole("button", { name: "Leave" }).click();
  await bob.getByText("You are in no organisation").waitFor();
  expect(await membersOf("acme")).toEqual(["ada owner"]);
});

describe("of a member", () => {
  test("the role is changed, unless somebody else has changed it meanwhile", async () => {
    const { dashboard } = tests;
    const { id } = await join(dashboard, "acme", { email: "cleo@example.com", name: "Cleo", role: "viewer" });
    const page = await dashboard.page("/organisation");
    await show(page, "Acme Works");
    const role = page.getByRole("combobox", { name: "Role of Cleo" });
    await role.selectOption("developer");
    await page.getByText("Cleo is developer now.").waitFor();
    expect(await membersOf("acme")).toContain("cleo developer");
    await dashboard.api("PATCH", `/accounts/acme/members/${id}`, { role: "viewer" });
    await role.selectOption("admin");
    await page.getByText("Somebody has changed Cleo meanwhile").waitFor();
    expect(await membersOf("acme")).toContain("cleo viewer");
    await until(page, 'document.querySelector("[aria-label=\'Role of Cleo\']")?.value === "viewer"');
    // The last owner stays one.
    await page.getByRole("combobox", { name: "Role of Ada" }).selectOption("viewer");
    await dialog(page, "Change your own role").getByRole("button", { name: "Change my role" }).click();
    await page.getByRole("alert").waitFor();
    expect(await membersOf("acme")).toContain("ada owner");
  });

  test("access ends when they are removed", async () => {
    const { dashboard } = tests;
    const dan = await join(dashboard, "acme", { email: "dan@example.com", name: "Dan", role: "admin" });
    const { key } = await dashboard.api<{ key: string }>(
      "POST",
      "/keys?account=acme",
      { name: "dans", scopes: ["*"] },
      dan.token,
    );
    const page = await dashboard.page("/organisation");
    await show(page, "Acme Works");
    await page.getByRole("button", { name: "Remove Dan" }).click();
    await dialog(page, "Remove Dan").getByRole("button", { name: "Cancel" }).click();
    expect(await membersOf("acme")).toContain("dan admin");
    await page.getByRole("button", { name: "Remove Dan" }).click();
    await dialog(page, "Remove Dan").getByRole("button", { name: "Remove" }).click();
    await page.getByRole("row", { name: /Dan/ }).waitFor({ state: "detached" });
    expect(await membersOf("acme")).not.toContain("dan admin");
    expect(await isGood(dashboard, dan.token)).toBe(true);
    const refused = dashboard.api("GET", "/kv?account=acme", undefined, key).catch(() => "refused");
    expect(await refused).toBe("refused");
  });
});

test("usage counts what the account has and did, and says the limits", async () => {
  const { dashboard } = tests;
  await dashboard.api("POST", "/kv?account=acme", { name: "settings" });
  await dashboard.api("POST", "/databases?account=acme", { name: "orders" });
  const page = await dashboard.page("/organisation/usage");
  await page.getByRole("heading", { name: "Your account", level: 1 }).waitFor();
  await page.getByRole("row", { name: /KV namespaces.*0/ }).waitFor();
  await page.getByRole("combobox", { name: "Account", exact: true }).selectOption({ label: "Acme Works" });
  await page.getByRole("row", { name: /KV namespaces.*1/ }).waitFor();
  await page.getByRole("meter", { name: "Size of orders" }).waitFor();
  await page.getByText("CPU time of a request").waitFor();
  expect(await look(page, "organisation-usage")).toEqual([]);
  await page.route("**/v1/usage*", (route) => route.fulfill({ status: 500, body: "broken" }));
  await page.reload();
  await page.getByRole("alert").first().waitFor();
  await page.unroute("**/v1/usage*");
  await page.getByRole("button", { name: "Try again" }).first().click();
  await page.getByRole("row", { name: /KV namespaces.*1/ }).waitFor();
});

test("the audit log tells who did what, by kind, person and name, page by page", async () => {
  const { dashboard } = tests;
  for (let count = 0; count < 30; count++) {
    const { id } = await dashboard.api<{ id: string }>("POST", "/kv?account=acme", { name: `n${count}` });
    await dashboard.api("DELETE", `/kv/${id}`);
  }
  const page = await dashboard.page("/organisation/audit");
  await page.getByRole("combobox", { name: "Account", exact: true }).selectOption({ label: "Acme Works" });
  const rows = page.getByRole("table").getByRole("row");
  await page.getByRole("row", { name: /ada kv_namespace\.delete n29/ }).waitFor();
  expect(await look(page, "organisation-audit")).toEqual([]);
  expect(await rows.count()).toBe(51);
  await page.getByRole("button", { name: "Load more" }).click();
  await rows.nth(60).waitFor();
  await page.getByLabel("Kind").selectOption({ label: "Members" });
  await page.getByRole("row", { name: /ada member\.remove acme.*dan/ }).waitFor();
  await page
    .getByRole("row", { name: /kv_namespace/ })
    .first()
    .waitFor({ state: "detached" });
  await page.getByLabel("Done by").fill("bob");
  await page.getByLabel("Done by").press("Enter");
  await page.getByRole("row", { name: /bob member\.remove/ }).waitFor();
  await page
    .getByRole("row", { name: /^\S.*ada/ })
    .first()
    .waitFor({ state: "detached" });
  await page.getByLabel("Done to").fill("nothing-of-that-name");
  await page.getByLabel("Done to").press("Enter");
  await page.getByText("Nothing like that was done").waitFor();
  await page.getByRole("button", { name: "Clear the filter" }).click();
  await rows.nth(50).waitFor();
});

test("it is renamed, and deleted once it owns nothing", async () => {
  const { dashboard } = tests;
  const page = await dashboard.page("/organisation/settings");
  await page.getByRole("combobox", { name: "Account", exact: true }).selectOption({ label: "Acme Works" });
  await page.getByRole("textbox", { name: "Called" }).fill("Bolt Works");
  await page.getByRole("textbox", { name: "Name" }).fill("bolt");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Bolt Works", level: 1 }).waitFor();
  expect(await membersOf("bolt")).toContain("ada owner");
  expect(await look(page, "organisation-settings")).toEqual([]);
  const remove = async () => {
    await page.getByRole("button", { name: "Delete…" }).click();
    const asked = dialog(page, "Delete Bolt Works");
    await asked.getByRole("button", { name: "Delete the organisation", disabled: true }).waitFor();
    await asked.getByRole("textbox").fill("bolt");
    await asked.getByRole("button", { name: "Delete the organisation" }).click();
  };
  await remove();
  await page.getByRole("alert").waitFor();
  const { items } = await dashboard.api<{ items: { id: string }[] }>("GET", "/kv?account=bolt");
  for (const { id } of items) await dashboard.api("DELETE", `/kv/${id}`);
  await dashboard.api("DELETE", "/databases/orders?account=bolt");
  await remove();
  await page.getByRole("heading", { name: "Your account", level: 1 }).waitFor();
  await page.getByText("You are in no organisation").waitFor();
});
