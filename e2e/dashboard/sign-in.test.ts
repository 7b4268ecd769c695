import { expect, test } from "bun:test";
import { look } from "./browser.ts";
import { dashboardTests } from "./rig.ts";

const tests = dashboardTests();

test("whoever is not signed in is asked to, and lands where they wanted to go", async () => {
  const page = await tests.dashboard.visitor();
  await page.goto("/workers");
  await page.waitForURL("**/sign-in?next=%2Fworkers");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  expect(await look(page, "sign-in")).toEqual([]);
  await page.getByLabel("E-mail").fill(tests.dashboard.ada.email);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Password").fill(tests.dashboard.ada.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/workers");
});
