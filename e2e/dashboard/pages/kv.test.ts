import { expect, test } from "bun:test";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { look } from "../browser.ts";
import { join as joinAccount } from "../people.ts";
import { dashboardTests } from "../rig.ts";

const tests = dashboardTests();

const value = async (namespace: string, key: string) => {
  const { platform, token } = tests.dashboard;
  const path = `/v1/kv/${namespace}/values/${encodeURIComponent(key)}`;
  const response = await platform.fetch("api", path, { headers: { authorization: `Bearer ${token}` } });
  return response.ok ? response : undefined;
};

const make = async (name: string, entries: object[] = []) => {
  await tests.dashboard.api("POST", "/kv", { name });
  if (entries.length > 0) await tests.dashboard.api("POST", `/kv/${name}/bulk`, { put: entries });
};

const confirm = (page: Page, action: string) =>
  page.getByRole("dialog").getByRole("button", { name: action }).click();

test("a namespace is made, renamed and deleted with its name typed", async () => {
  const page = await tests.dashboard.page("/kv");
  await page.getByRole("heading", { name: "No namespaces yet" }).waitFor();
  expect(await look(page, "kv-empty")).toEqual([]);
  await page.getByRole("button", { name: "New namespace" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill("Not a name!");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByRole("textbox", { name: "Name" }).fill("sessions");
  await page.getByRole("textbox", { name: "Name" }).press("Enter");
  await page.waitForURL("**/kv/sessions");
  await page.getByRole("heading", { name: "No keys yet" }).waitFor();
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("visits");
  await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
  await page.waitForURL("**/kv/visits");
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete the namespace", disabled: true }).waitFor();
  await page.getByLabel("Type visits to confirm").fill("visits");
  await page.getByRole("button", { name: "Delete the namespace" }).click();
  await page.getByRole("heading", { name: "No namespaces yet" }).waitFor();
  expect((await tests.dashboard.api<{ items: unknown[] }>("GET", "/kv")).items).toEqual([]);
});

test("values are written, found by prefix, read as text, JSON and bytes, changed and deleted", async () => {
  await make("things", [
    { key: "user:1", value: '{"name":"Ann"}', metadata: { seen: 3 } },
    { key: "user:2", value: "plain text" },
    { key: "bytes", value: Buffer.from([0, 255, 104, 105]).toString("base64"), base64: true },
  ]);
  const page = await tests.dashboard.page("/kv/things");
  await page.getByRole("button", { name: "Add a key" }).click();
  await page.getByLabel("Key", { exact: true }).fill("a key / with % and ü?");
  await page.getByRole("textbox", { name: "Value" }).fill("the value");
  await page.getByLabel("Metadata").fill("{ wrong");
  await page.getByText("This is not JSON").waitFor();
  await page.getByLabel("Metadata").fill('{"by":"hand"}');
  await page.getByLabel("Expires").selectOption("after");
  await page.getByLabel("Seconds from now").fill("600");
  expect(await look(page, "kv-add")).toEqual([]);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "a key / with % and ü?", exact: true }).waitFor();
  const stored = await value("things", "a key / with % and ü?");
  expect(await stored?.text()).toBe("the value");
  expect(decodeURIComponent(stored?.headers.get("ow-kv-metadata") ?? "")).toBe('{"by":"hand"}');
  const left = Number(stored?.headers.get("ow-kv-expiration")) - Date.now() / 1_000;
  expect(left > 500 && left <= 600).toBe(true);
  expect(await look(page, "kv-keys")).toEqual([]);

  await page.getByLabel("Keys that begin with").fill("user:");
  await page.getByLabel("Keys that begin with").press("Enter");
  await page.getByRole("button", { name: "bytes", exact: true }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "user:1", exact: true }).click();
  await page.getByRole("radio", { name: "JSON", checked: true }).waitFor();
  await page.getByRole("button", { name: "Format" }).click();
  const shown = page.getByRole("textbox", { name: "Value" });
  while ((await shown.inputValue()) !== '{\n  "name": "Ann"\n}') await Bun.sleep(20);
  await page.getByRole("textbox", { name: "Value" }).fill('{"name":"Bea"}');
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("status").filter({ hasText: "user:1 is stored." }).waitFor();
  const changed = await value("things", "user:1");
  expect(await changed?.text()).toBe('{"name":"Bea"}');
  expect(decodeURIComponent(changed?.headers.get("ow-kv-metadata") ?? "")).toBe('{"seen":3}');

  await page.goto("/kv/things?key=bytes");
  await page.getByText("00 ff 68 69").waitFor();
  expect(await look(page, "kv-bytes")).toEqual([]);
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await confirm(page, "Delete the key");
  await page.getByRole("status").filter({ hasText: "bytes is deleted." }).waitFor();
  expect(await value("things", "bytes")).toBeUndefined();
});

test("chosen keys are deleted together, after a question", async () => {
  const entries = Array.from({ length: 150 }, (_, index) => ({
    key: `k${String(index).padStart(3, "0")}`,
    value: "x",
  }));
  await make("many", entries);
  const page = await tests.dashboard.page("/kv/many");
  await page.getByRole("button", { name: "Load more" }).click();
  await page.getByRole("button", { name: "k149", exact: true }).waitFor();
  await page.getByLabel("Choose all keys that are shown").check();
  await page.getByText("150 chosen").waitFor();
  await page.getByLabel("Choose k007").uncheck();
  await page.getByText("149 chosen").waitFor();
  await page.getByRole("button", { name: "Delete chosen" }).click();
  await confirm(page, "Delete 149 keys");
  await page.getByRole("status").filter({ hasText: "149 keys deleted." }).waitFor();
  const { items } = await tests.dashboard.api<{ items: { name: string }[] }>("GET", "/kv/many/keys");
  expect(items.map(({ name }) => name)).toEqual(["k007"]);
});

test("what is exported can be imported, and an entry that is wrong keeps no other out", async () => {
  const bytes = Buffer.from([1, 2, 0, 254]).toString("base64");
  await make("from", [
    { key: "text", value: "é", metadata: [1] },
    { key: "raw", value: bytes, base64: true },
    ...Array.from({ length: 110 }, (_, index) => ({ key: `n${index}`, value: `${index}` })),
  ]);
  await make("to");
  const folder = await mkdtemp(join(tmpdir(), "ow-kv-"));
  const page = await tests.dashboard.page("/kv/from");
  await page.getByRole("button", { name: "Export" }).click();
  const saved = page.waitForEvent("download");
  await page.getByRole("dialog").getByRole("button", { name: "Export" }).click();
  const file = join(folder, "from.json");
  await (await saved).saveAs(file);
  const entries: unknown[] = JSON.parse(await readFile(file, "utf8"));
  expect(entries).toHaveLength(112);
  expect(entries).toContainEqual({ key: "raw", value: bytes, base64: true });

  await writeFile(file, JSON.stringify([...entries, { key: "x".repeat(600), value: "too long a key" }]));
  await page.goto("/kv/to");
  await page.getByRole("button", { name: "Import" }).click();
  await page.getByLabel("File to import").setInputFiles(file);
  await page.getByText("112 of 113 keys stored.").waitFor();
  await page.getByRole("alert").filter({ hasText: "xxx" }).waitFor();
  expect(await look(page, "kv-import")).toEqual([]);
  expect(await (await value("to", "text"))?.text()).toBe("é");
  expect((await (await value("to", "raw"))?.bytes())?.toBase64()).toBe(bytes);
});

test("a viewer reads keys and values, and is offered no change", async () => {
  const { dashboard } = tests;
  await dashboard.api("POST", "/accounts", { name: "acme" });
  await dashboard.api("POST", "/kv?account=acme", { name: "theirs" });
  await dashboard.api("POST", "/kv/theirs/bulk?account=acme", { put: [{ key: "greeting", value: "hello" }] });
  const vera = await joinAccount(dashboard, "acme", {
    email: "vera@example.com",
    name: "Vera",
    role: "viewer",
  });
  const page = await dashboard.page("/kv", vera);
  await page.getByRole("combobox", { name: "Account", exact: true }).selectOption({ label: "acme" });
  await page.getByRole("link", { name: "theirs" }).waitFor();
  expect(await page.getByRole("button", { name: "New namespace" }).count()).toBe(0);
  await page.getByRole("link", { name: "theirs" }).click();
  await page.getByText("You are viewer here").waitFor();
  await page.getByRole("button", { name: "greeting", exact: true }).waitFor();
  const changes = /^(Import|Rename|Delete.*|Add a key|Save|Take a file)$/;
  expect(await page.getByRole("button", { name: changes }).count()).toBe(0);
  expect(await page.getByRole("checkbox").count()).toBe(0);
  expect(await look(page, "kv-viewer")).toEqual([]);
  await page.getByRole("button", { name: "greeting", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "greeting" });
  await dialog.getByText("Read only").waitFor();
  const shown = dialog.getByRole("textbox", { name: "Value" });
  expect([await shown.inputValue(), await shown.isEditable()]).toEqual(["hello", false]);
  expect(await page.getByRole("button", { name: changes }).count()).toBe(0);
  for (const [method, path, body] of [
    ["POST", "/kv?account=acme", { name: "another" }],
    ["POST", "/kv/theirs/bulk?account=acme", { put: [], delete: ["greeting"] }],
    ["PATCH", "/kv/theirs?account=acme", { name: "mine" }],
    ["DELETE", "/kv/theirs?account=acme", undefined],
  ] as const) {
    await expect(dashboard.api(method, path, body, vera.token)).rejects.toThrow("answered 403");
  }
});

test("an error of the API is said, and can be tried again", async () => {
  const page = await tests.dashboard.page("/kv/nothing-there");
  await page.getByRole("alert").waitFor();
  expect(await look(page, "kv-error")).toEqual([]);
  await make("nothing-there");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "No keys yet" }).waitFor();
});
