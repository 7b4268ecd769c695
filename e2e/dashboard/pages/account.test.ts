import { beforeAll, expect, test } from "bun:test";
import { totp } from "@openworkers/api/testing/totp";
import type { Page } from "playwright-core";
import { look, until } from "../browser.ts";
import { isGood, join, type Member, signInAgain } from "../people.ts";
import { dashboardTests } from "../rig.ts";

const tests = dashboardTests();
beforeAll(async () => {
  await tests.dashboard.api("POST", "/accounts", { name: "acme", displayName: "Acme" });
});

const person = (email: string, name: string): Promise<Member> =>
  join(tests.dashboard, "acme", { email, name, role: "developer" });

const dialog = (page: Page, name: string) => page.getByRole("dialog", { name });

test("one's name is changed, and shown wherever one is named", async () => {
  const page = await tests.dashboard.page("/account");
  await page.getByRole("heading", { name: "Account", level: 1 }).waitFor();
  expect(await look(page, "account-profile")).toEqual([]);
  await page.getByRole("textbox", { name: "Name" }).fill("Countess of Lovelace");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Your name is changed.").waitFor();
  await page.getByRole("link", { name: "Countess of Lovelace" }).waitFor();
  expect(await tests.dashboard.api<{ name: string }>("GET", "/auth/me")).toMatchObject({
    name: "Countess of Lovelace",
  });
});

test("the theme is chosen, and kept", async () => {
  const page = await tests.dashboard.page("/account");
  const theme = () => page.evaluate<string | null>("document.documentElement.dataset.theme ?? null");
  await page.getByRole("radio", { name: "Dark" }).check();
  await until(page, 'document.documentElement.dataset.theme === "dark"');
  await page.reload();
  await page.getByRole("radio", { name: "Dark" }).waitFor();
  expect([await theme(), await page.getByRole("radio", { name: "Dark" }).isChecked()]).toEqual([
    "dark",
    true,
  ]);
  await page.getByRole("radio", { name: "As the system" }).check();
  await until(page, "document.documentElement.dataset.theme === undefined");
});

test("another password ends every other session, and needs a sign-in of the last minutes", async () => {
  const { dashboard } = tests;
  const grace = await person("grace@example.com", "Grace");
  const page = await dashboard.page("/account/security", grace);
  // As ten minutes later.
  await page.route(
    "**/v1/auth/password",
    (route) =>
      route.fulfill({
        status: 403,
        json: {
          error: {
            code: "FORBIDDEN",
            message: "This needs a sign-in of the last minutes.",
            details: { reason: "fresh-sign-in-needed" },
            requestId: "x",
          },
        },
      }),
    { times: 1 },
  );
  await page.getByLabel("Current password").fill(grace.password);
  await page.getByLabel("New password").fill("nanoseconds of wire");
  await page.getByRole("button", { name: "Change the password" }).click();
  const again = dialog(page, "Sign in again");
  await again.getByLabel("Password").fill("not the password");
  await again.getByRole("button", { name: "Go on" }).click();
  await again.getByRole("alert").waitFor();
  expect(await look(page, "account-sign-in-again")).toEqual([]);
  await again.getByLabel("Password").fill(grace.password);
  await again.getByRole("button", { name: "Go on" }).click();
  await page.getByText("Your password is changed").waitFor();
  expect(await isGood(dashboard, grace.token)).toBe(false);
  await page.getByText("this one", { exact: true }).waitFor();
  await page.getByRole("table").getByRole("row").nth(2).waitFor({ state: "detached" });
  await signInAgain(dashboard, { email: grace.email, password: "nanoseconds of wire" });
});

test("sessions are listed, and ended one by one or all others at once", async () => {
  const { dashboard } = tests;
  const alan = await person("alan@example.com", "Alan");
  const tokens = [alan.token, await signInAgain(dashboard, alan), await signInAgain(dashboard, alan)];
  const page = await dashboard.page("/account/security", alan);
  const rows = page.getByRole("table").getByRole("row");
  await rows.nth(4).waitFor();
  expect(await look(page, "account-security")).toEqual([]);
  await rows.nth(1).getByText("this one").waitFor();
  expect(await rows.nth(1).textContent()).toContain("Chrome");
  await rows
    .nth(2)
    .getByRole("button", { name: /End the session/ })
    .click();
  await dialog(page, "End the session").getByRole("button", { name: "End" }).click();
  await page.getByText("The session has ended.").waitFor();
  const left = async () =>
    (await Promise.all(tokens.map((token) => isGood(dashboard, token)))).filter(Boolean);
  expect(await left()).toHaveLength(2);
  await page.getByRole("button", { name: "End all others" }).click();
  await dialog(page, "End all other sessions").getByRole("button", { name: "End them" }).click();
  await page.getByText("Every other session has ended.").waitFor();
  expect(await left()).toEqual([]);
  await page.getByRole("button", { name: "End all others", disabled: true }).waitFor();
});

test("two-factor sign-in is turned on with a QR code, its recovery codes made anew, and turned off", async () => {
  const { dashboard } = tests;
  const hedy = await person("hedy@example.com", "Hedy");
  const page = await dashboard.page("/account/security", hedy);
  await page.getByRole("button", { name: "Turn on…" }).click();
  const turnOn = dialog(page, "Turn on two-factor sign-in");
  await turnOn.getByLabel("Password").fill("not the password");
  await turnOn.getByRole("button", { name: "Go on" }).click();
  await turnOn.getByText("The password is wrong.").waitFor();
  await turnOn.getByLabel("Password").fill(hedy.password);
  await turnOn.getByRole("button", { name: "Go on" }).click();
  await turnOn.getByRole("img", { name: "QR code for an authenticator" }).waitFor();
  expect(await look(page, "account-two-factor-scan")).toEqual([]);
  const secret = (await turnOn.locator("code").textContent())?.trim() ?? "";
  await turnOn.getByLabel("Code that it shows").fill("000000");
  await turnOn.getByRole("button", { name: "Turn on" }).click();
  await turnOn.getByRole("alert").waitFor();
  await turnOn.getByLabel("Code that it shows").fill(totp(secret));
  await turnOn.getByRole("button", { name: "Turn on" }).click();
  const codes = turnOn.getByRole("list", { name: "Recovery codes" }).getByRole("listitem");
  await codes.first().waitFor();
  expect(await look(page, "account-recovery-codes")).toEqual([]);
  const first = await codes.allTextContents();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    turnOn.getByRole("button", { name: "Download" }).click(),
  ]);
  expect(await Bun.file(await download.path()).text()).toBe(`${first.join("\n")}\n`);
  await turnOn.getByRole("button", { name: "I have kept them" }).click();
  const challenged = await dashboard.api<{ twoFactor?: object }>("POST", "/auth/sign-in", {
    email: hedy.email,
    password: hedy.password,
  });
  expect(challenged.twoFactor).toBeDefined();

  await page.getByRole("button", { name: "New recovery codes…" }).click();
  const renew = dialog(page, "New recovery codes");
  await renew.getByLabel("Password").fill(hedy.password);
  await renew.getByRole("button", { name: "Make new codes" }).click();
  const second = renew.getByRole("list", { name: "Recovery codes" }).getByRole("listitem");
  await second.first().waitFor();
  expect(await second.allTextContents()).not.toEqual(first);
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Turn off…" }).click();
  const turnOff = dialog(page, "Turn off two-factor sign-in");
  await turnOff.getByLabel("Password").fill(hedy.password);
  await turnOff.getByRole("button", { name: "Turn off" }).click();
  await page.getByText("Two-factor sign-in is off.").waitFor();
  await signInAgain(dashboard, hedy);
});

test("an API key is shown once, does what its scopes say, and is revoked", async () => {
  const { dashboard } = tests;
  const emmy = await person("emmy@example.com", "Emmy");
  const page = await dashboard.page("/account/keys", emmy);
  await page.getByText("No API keys").waitFor();
  expect(await look(page, "account-keys-empty")).toEqual([]);
  await page.getByRole("button", { name: "New key" }).click();
  const form = dialog(page, "New API key");
  await form.getByLabel("Name").fill("ci");
  await form.getByLabel("Account").selectOption({ label: "Acme alone" });
  await form.getByLabel("Expires").selectOption({ label: "in 30 days" });
  await form.getByRole("button", { name: "Nothing" }).click();
  await form.getByRole("button", { name: "Make the key", disabled: true }).waitFor();
  await form.getByLabel("KV: write").check();
  // To write lets read.
  await form.getByRole("checkbox", { name: "KV: read", checked: true, disabled: true }).waitFor();
  expect(await look(page, "account-new-key")).toEqual([]);
  await form.getByRole("button", { name: "Make the key" }).click();
  const shown = dialog(page, "Your new API key");
  const key = (await shown.getByLabel("The new key", { exact: true }).textContent())?.trim() ?? "";
  expect(key).toMatch(/^ow_[\w-]{20,}$/);
  expect(await look(page, "account-key-shown")).toEqual([]);
  await shown.getByRole("button", { name: "Done" }).click();

  const row = page.getByRole("row", { name: /ci/ });
  expect((await row.textContent())?.replaceAll(/\s+/g, " ")).toMatch(/ci ow_[\w-]+… ?kv write ?acme/);
  expect(await look(page, "account-keys")).toEqual([]);
  await dashboard.api("POST", "/kv?account=acme", { name: "by-key" }, key);
  for (const [method, path, body] of [
    ["POST", "/kv", { name: "own" }],
    ["GET", "/workers?account=acme", undefined],
    ["DELETE", "/kv/by-key?account=acme", undefined],
  ] as const) {
    const refused = dashboard.api(method, path, body, key).then(
      () => "done",
      (thrown: Error) => thrown.message,
    );
    expect(await refused).toMatch(/answered (403|404)/);
  }
  const { items } = await dashboard.api<{ items: { expiresAt: string }[] }>(
    "GET",
    "/keys",
    undefined,
    emmy.token,
  );
  const days = (new Date(items[0]?.expiresAt ?? 0).getTime() - Date.now()) / 86_400_000;
  expect(Math.round(days)).toBe(30);

  await page.reload();
  await row.getByText("never").waitFor({ state: "detached" });
  await row.getByRole("button", { name: "Revoke ci" }).click();
  await dialog(page, "Revoke ci").getByRole("button", { name: "Revoke" }).click();
  await page.getByText("No API keys").waitFor();
  expect(await dashboard.api("GET", "/kv?account=acme", undefined, key).catch(() => "refused")).toBe(
    "refused",
  );
});

test("an admin sees, and revokes, whose key acts in the organisation", async () => {
  const { dashboard } = tests;
  const kurt = await person("kurt@example.com", "Kurt");
  await dashboard.api("POST", "/keys?account=acme", { name: "theirs", scopes: ["workers:read"] }, kurt.token);
  const page = await dashboard.page("/account/keys");
  await page.getByRole("combobox", { name: "Account", exact: true }).selectOption({ label: "Acme" });
  await page.getByRole("combobox", { name: "Keys", exact: true }).selectOption({ label: "for Acme" });
  const row = page.getByRole("row", { name: /theirs.*kurt/ });
  await row.getByRole("button", { name: "Revoke theirs" }).click();
  await dialog(page, "Revoke theirs").getByRole("button", { name: "Revoke" }).click();
  await row.waitFor({ state: "detached" });
});

test("a list that cannot be read says so, and is tried again", async () => {
  const page = await tests.dashboard.visitor();
  await page.goto("/sign-in?next=%2Faccount%2Fkeys");
  await page.route("**/v1/keys*", (route) => route.fulfill({ status: 500, body: "broken" }));
  await page.getByLabel("E-mail").fill(tests.dashboard.ada.email);
  await page.getByLabel("Password").fill(tests.dashboard.ada.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  expect(await look(page, "account-keys-error")).toEqual([]);
  await page.unroute("**/v1/keys*");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("No API keys").waitFor();
});
