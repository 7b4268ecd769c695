import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { totp } from "@openworkers/api/testing/totp";
import { startMailServer, type TestMailServer } from "@openworkers/scheduler/testing";
import type { Page } from "playwright-core";
import { look } from "./browser.ts";
import { invite, isGood, join, signInAgain } from "./people.ts";
import { dashboardTests } from "./rig.ts";

let mails: TestMailServer;
const tests = dashboardTests(async () => {
  mails = await startMailServer();
  return {
    env: {
      OW_REGISTRATION: "open",
      OW_SMTP_URL: mails.url,
      OW_MAIL_FROM: "OpenWorkers <workers@example.com>",
    },
  };
});
afterAll(() => mails[Symbol.asyncDispose]());
beforeAll(async () => {
  await tests.dashboard.api("POST", "/accounts", { name: "acme", displayName: "Acme" });
});

/** The link in the newest mail to somebody, once there is one beyond those of before. */
async function mailedLink(to: string, before = 0): Promise<string> {
  for (;;) {
    const found = mails.received.filter((mail) => mail.to === to).at(before);
    const link = found === undefined ? undefined : /https?:\/\/\S+\?token=\S+/.exec(found.text)?.[0];
    if (link !== undefined) return link;
    await Bun.sleep(50);
  }
}

async function signIn(page: Page, email: string, password: string): Promise<void> {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("whoever is not signed in is asked to, and lands where they wanted to go", async () => {
  const page = await tests.dashboard.visitor();
  await page.goto("/workers");
  await page.waitForURL("**/sign-in?next=%2Fworkers");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  expect(await look(page, "sign-in")).toEqual([]);
  await signIn(page, tests.dashboard.ada.email, "not the password");
  await page.getByRole("alert").waitFor();
  await signIn(page, tests.dashboard.ada.email, tests.dashboard.ada.password);
  await page.waitForURL("**/workers");
  // Who is signed in already has nothing to do there.
  await page.goto("/sign-in?next=%2Faccount");
  await page.waitForURL("**/account");
  await page.goto("/sign-in?next=%2F%2Fevil.example");
  await page.waitForURL(`${tests.dashboard.origin}/`);
});

test("whose session is ended elsewhere is asked to sign in, and comes back", async () => {
  const grace = await join(tests.dashboard, "acme", {
    email: "grace@example.com",
    name: "Grace",
    role: "viewer",
  });
  const page = await tests.dashboard.page("/organisation", grace);
  // All of it: what is still to be asked for would find out by itself.
  await page.waitForLoadState("networkidle");
  await tests.dashboard.api("DELETE", "/auth/sessions", undefined, grace.token);
  await page.getByRole("link", { name: "Usage and limits" }).click();
  await page.waitForURL("**/sign-in?next=*");
  await signIn(page, grace.email, grace.password);
  await page.waitForURL("**/organisation/usage");
});

describe("registration", () => {
  test("makes an account that is confirmed by mail", async () => {
    const page = await tests.dashboard.visitor();
    await page.goto("/sign-in");
    await page.getByRole("link", { name: "Make an account" }).click();
    await page.getByLabel("Name").fill("Hedy");
    await page.getByLabel("E-mail").fill("hedy@example.com");
    await page.getByLabel("Password").fill("aaaaaaaaaaaa");
    expect(await look(page, "register")).toEqual([]);
    await page.getByRole("button", { name: "Make the account" }).click();
    await page.getByText("uses fewer than 5 different characters").waitFor();
    expect(await page.getByLabel("Password").getAttribute("aria-invalid")).toBe("true");
    await page.getByLabel("Password").fill("frequency hopping");
    await page.getByRole("button", { name: "Make the account" }).click();
    await page.getByRole("heading", { name: "Look into your mail" }).waitFor();
    expect(await look(page, "register-sent")).toEqual([]);
    const link = await mailedLink("hedy@example.com");
    expect(link).toStartWith(`${tests.dashboard.origin}/sign-up/confirm?token=`);
    await page.goto(link);
    expect(await look(page, "confirm-email")).toEqual([]);
    await page.getByRole("button", { name: "Confirm" }).click();
    await page.getByRole("link", { name: "Sign in" }).click();
    await signIn(page, "hedy@example.com", "frequency hopping");
    await page.waitForURL(`${tests.dashboard.origin}/`);
  });

  test("gives another link to whoever comes with one that is dead", async () => {
    const page = await tests.dashboard.visitor();
    await page.goto(`/sign-up/confirm?token=${"x".repeat(40)}`);
    await page.getByRole("button", { name: "Confirm" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("E-mail").fill("nobody@example.com");
    await page.getByRole("button", { name: "Send another link" }).click();
    await page.getByText("another link is on its way").waitFor();
  });

  test("says that it is closed, and how one gets in", async () => {
    const page = await tests.dashboard.visitor();
    await page.route("**/v1/auth/options", (route) =>
      route.fulfill({ json: { registration: "closed", github: false } }),
    );
    await page.goto("/register");
    await page.getByRole("heading", { name: "Registration is closed" }).waitFor();
    await page.getByText("ow members invite").waitFor();
    expect(await page.getByRole("button").count()).toBe(0);
    expect(await look(page, "register-closed")).toEqual([]);
  });

  test("says when the platform cannot say whether it is open, and tries again", async () => {
    const page = await tests.dashboard.visitor();
    await page.route("**/v1/auth/options", (route) => route.fulfill({ status: 500, body: "broken" }));
    await page.goto("/register");
    await page.getByRole("alert").waitFor();
    await page.unroute("**/v1/auth/options");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByLabel("E-mail").waitFor();
  });
});

test("GitHub is offered where it is set up, and leads back here", async () => {
  const page = await tests.dashboard.visitor();
  await page.goto("/sign-in");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  expect(await page.getByRole("link", { name: "Continue with GitHub" }).count()).toBe(0);
  await page.route("**/v1/auth/options", (route) =>
    route.fulfill({ json: { registration: "open", github: true } }),
  );
  await page.goto("/sign-in?next=%2Faccount&error=signup_disabled");
  const href = await page.getByRole("link", { name: "Continue with GitHub" }).getAttribute("href");
  expect(new URL(href ?? "", tests.dashboard.origin).searchParams.get("returnTo")).toBe(
    `${tests.dashboard.origin}/sign-in?next=%2Faccount`,
  );
  await page.getByText("registration is closed").waitFor();
  expect(await look(page, "sign-in-github")).toEqual([]);
});

describe("a forgotten password", () => {
  test("is replaced through a mail's link, which ends every session", async () => {
    const email = "kurt@example.com";
    const kurt = await join(tests.dashboard, "acme", { email, name: "Kurt", role: "viewer" });
    const page = await tests.dashboard.visitor();
    await page.goto("/sign-in");
    await page.getByRole("link", { name: "Forgot the password?" }).click();
    await page.waitForURL("**/forgot");
    await page.getByLabel("E-mail").fill(email);
    expect(await look(page, "forgot")).toEqual([]);
    await page.getByRole("button", { name: "Send the link" }).click();
    await page.getByRole("heading", { name: "Look into your mail" }).waitFor();
    // The first was the invitation.
    const link = await mailedLink(email, 1);
    expect(link).toStartWith(`${tests.dashboard.origin}/reset?token=`);
    await page.goto(link);
    await page.getByLabel("New password").fill("incomplete theorems");
    expect(await look(page, "reset")).toEqual([]);
    await page.getByRole("button", { name: "Change the password" }).click();
    await page.getByRole("link", { name: "Sign in" }).click();
    expect(await isGood(tests.dashboard, kurt.token)).toBe(false);
    await signIn(page, email, "incomplete theorems");
    await page.waitForURL(`${tests.dashboard.origin}/`);
    // Once.
    const again = await tests.dashboard.visitor();
    await again.goto(link);
    await again.getByLabel("New password").fill("consistent theorems");
    await again.getByRole("button", { name: "Change the password" }).click();
    await again.getByRole("alert").waitFor();
  });

  test("is replaced through the operator's link, which leads here as well", async () => {
    await join(tests.dashboard, "acme", { email: "alan@example.com", name: "Alan", role: "viewer" });
    const { stdout } = await tests.dashboard.platform.ow("users", "reset-link", "alan@example.com", "--json");
    const { url } = JSON.parse(stdout) as { url: string };
    expect(url).toStartWith(`${tests.dashboard.origin}/reset?token=`);
    const page = await tests.dashboard.visitor();
    await page.goto(url);
    await page.getByLabel("New password").fill("computable numbers");
    await page.getByRole("button", { name: "Change the password" }).click();
    await page.getByRole("heading", { name: "Your password is changed" }).waitFor();
    await signInAgain(tests.dashboard, { email: "alan@example.com", password: "computable numbers" });
  });
});

test("two-factor sign-in takes a code, and a recovery code once", async () => {
  const { dashboard } = tests;
  const email = "barbara@example.com";
  const barbara = await join(dashboard, "acme", { email, name: "Barbara", role: "viewer" });
  const { password } = barbara;
  const { secret, recoveryCodes } = await dashboard.api<{ secret: string; recoveryCodes: string[] }>(
    "POST",
    "/auth/two-factor",
    { password },
    barbara.token,
  );
  await dashboard.api("POST", "/auth/two-factor/confirm", { code: totp(secret, -1) }, barbara.token);

  const page = await dashboard.visitor();
  await page.goto("/sign-in?next=%2Faccount");
  await signIn(page, email, password);
  await page.getByRole("heading", { name: "One more step" }).waitFor();
  expect(await look(page, "sign-in-second-factor")).toEqual([]);
  await page.getByLabel("Code").fill("000000");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Code").fill(totp(secret).replace(/^.../, "$& "));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/account");

  for (const worked of [true, false]) {
    const other = await dashboard.visitor();
    await other.goto("/sign-in?next=%2Faccount");
    await signIn(other, email, password);
    await other.getByLabel("Code").fill(recoveryCodes[0] ?? "");
    await other.getByRole("button", { name: "Sign in" }).click();
    if (worked) await other.waitForURL("**/account");
    else await other.getByRole("alert").waitFor();
  }
});

describe("an invitation", () => {
  test("makes an account for whoever has none, who is in the organisation at once", async () => {
    await invite(tests.dashboard, "acme", "ivy@example.com", "developer");
    const page = await tests.dashboard.visitor();
    await page.goto(await mailedLink("ivy@example.com"));
    await page.getByRole("heading", { name: "Join acme" }).waitFor();
    await page.getByText("You are invited as ivy@example.com").waitFor();
    await page.getByLabel("Name").fill("Ivy");
    await page.getByLabel("Password").fill("climbing the walls");
    expect(await look(page, "invited")).toEqual([]);
    await page.getByRole("button", { name: "Make the account and join" }).click();
    await page.getByRole("heading", { name: "Acme" }).waitFor();
    await page.getByRole("row", { name: /Ivy.*you.*developer/ }).waitFor();
  });

  test("takes in who is signed in, or signs in first", async () => {
    const { dashboard } = tests;
    await dashboard.api("POST", "/accounts", { name: "second" });
    const emmy = await join(dashboard, "acme", { email: "emmy@example.com", name: "Emmy", role: "viewer" });
    const token = await invite(dashboard, "second", "emmy@example.com", "viewer");
    const page = await dashboard.visitor();
    await page.goto(`/sign-up/invited?token=${token}`);
    await page.getByRole("link", { name: "I have an account" }).click();
    await signIn(page, emmy.email, emmy.password);
    await page.getByText("You are signed in as emmy@example.com").waitFor();
    expect(await look(page, "invited-signed-in")).toEqual([]);
    await page.getByRole("button", { name: "Join" }).click();
    await page.getByRole("heading", { name: "second", exact: true, level: 1 }).waitFor();
    const { items } = await dashboard.api<{ items: { name: string }[] }>(
      "GET",
      "/accounts?kind=organisation",
      undefined,
      emmy.token,
    );
    expect(items.map(({ name }) => name)).toEqual(["acme", "second"]);
  });

  test("says when it is good no more", async () => {
    const page = await tests.dashboard.visitor();
    await page.goto(`/sign-up/invited?token=${"x".repeat(40)}`);
    await page.getByRole("alert").waitFor();
    expect(await look(page, "invited-dead")).toEqual([]);
  });
});
