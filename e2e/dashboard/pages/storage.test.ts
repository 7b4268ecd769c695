import { expect, test } from "bun:test";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { look } from "../browser.ts";
import { join as joinAccount } from "../people.ts";
import { dashboardTests } from "../rig.ts";

const tests = dashboardTests();

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);

const keysOf = async (bucket: string) => {
  const { items } = await tests.dashboard.api<{ items: { key: string; size: number }[] }>(
    "GET",
    `/storage/${bucket}/objects?limit=100`,
  );
  return items;
};

const put = async (
  bucket: string,
  key: string,
  body: string | Uint8Array<ArrayBuffer>,
  type: string,
  query = "",
) => {
  const { platform, token } = tests.dashboard;
  const path = `/v1/storage/${bucket}/objects/${encodeURIComponent(key)}${query}`;
  const headers = { authorization: `Bearer ${token}`, "content-type": type };
  const response = await platform.fetch("api", path, { method: "PUT", headers, body });
  expect(response.status).toBe(200);
};

test("a bucket is made, files with awkward names are uploaded into its folders, and it is deleted", async () => {
  const page = await tests.dashboard.page("/storage");
  await page.getByRole("heading", { name: "No buckets yet" }).waitFor();
  expect(await look(page, "storage-empty")).toEqual([]);
  await page.getByRole("button", { name: "New bucket" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill("files");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.waitForURL("**/storage/files");
  await page.getByRole("heading", { name: "Nothing here yet" }).waitFor();

  const folder = await mkdtemp(join(tmpdir(), "ow-storage-"));
  const names = ["plain.txt", "a b.txt", "c#d?e%41.txt", "größe.txt", "..hidden", "empty"];
  for (const name of names) await writeFile(join(folder, name), name === "empty" ? "" : `of ${name}`);
  await page.getByLabel("Files to upload").setInputFiles(names.map((name) => join(folder, name)));
  await page.getByText("6 of 6 files").waitFor();
  expect((await keysOf("files")).map(({ key }) => key).toSorted()).toEqual(names.toSorted());

  await mkdir(join(folder, "tree/deep"), { recursive: true });
  await writeFile(join(folder, "tree/one.txt"), "1");
  await writeFile(join(folder, "tree/deep/two.txt"), "2");
  await page.getByLabel("Folder to upload").setInputFiles(join(folder, "tree"));
  await page.getByRole("link", { name: "tree/" }).click();
  await page.getByRole("button", { name: "one.txt" }).waitFor();
  await page.getByRole("link", { name: "deep/" }).click();
  await page.getByRole("button", { name: "two.txt" }).waitFor();
  await page.getByRole("navigation", { name: "Folder" }).getByRole("link", { name: "files" }).click();
  await page.getByRole("button", { name: "c#d?e%41.txt" }).click();
  await page.getByText("of c#d?e%41.txt").waitFor();
  const saved = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download" }).click();
  expect((await saved).suggestedFilename()).toBe("c#d_e%41.txt"); // by Chromium, for the file system
  await page.keyboard.press("Escape");
  expect(await look(page, "storage-bucket")).toEqual([]);

  await page.getByLabel("Choose tree/").check();
  await page.getByLabel("Choose empty").check();
  await page.getByRole("button", { name: "Delete chosen" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).last().click();
  await page.getByRole("status").filter({ hasText: "3 objects deleted." }).waitFor();
  expect(await keysOf("files")).toHaveLength(5);

  await page.getByRole("button", { name: "Delete" }).first().click();
  await page.getByLabel("Type files to confirm").fill("files");
  await page.getByRole("button", { name: "Delete the bucket" }).click();
  await page.getByRole("heading", { name: "No buckets yet" }).waitFor();
});

test("many files and a large one arrive whole, with the progress of each", async () => {
  await tests.dashboard.api("POST", "/storage", { name: "bulk" });
  const page = await tests.dashboard.page("/storage/bulk");
  const files = Array.from({ length: 104 }, (_, index) => ({
    name: `small-${String(index).padStart(3, "0")}.txt`,
    mimeType: "text/plain",
    buffer: Buffer.from(`file ${index}`),
  }));
  const folder = await mkdtemp(join(tmpdir(), "ow-storage-"));
  const large = new Uint8Array(16 * 2 ** 20).map((_, index) => index % 251);
  await writeFile(join(folder, "large.bin"), large);
  await page.getByLabel("Files to upload").setInputFiles(join(folder, "large.bin"));
  await page.getByLabel("Files to upload").setInputFiles(files);
  await page.getByText("105 of 105 files").waitFor({ timeout: 100_000 });
  expect(await look(page, "storage-uploads")).toEqual([]);
  const { platform, token } = tests.dashboard;
  const response = await platform.fetch("api", "/v1/storage/bulk/objects/large.bin", {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(Bun.hash(await response.arrayBuffer())).toBe(Bun.hash(large));
  await page.getByRole("button", { name: "small-103.txt" }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Load more" }).click();
  await page.getByRole("button", { name: "small-102.txt" }).waitFor();
}, 180_000);

test("a file dropped on the page is uploaded", async () => {
  await tests.dashboard.api("POST", "/storage", { name: "drops" });
  const page = await tests.dashboard.page("/storage/drops");
  await page.getByRole("heading", { name: "Nothing here yet" }).waitFor();
  const files = await page.evaluateHandle(`(() => {
    const dropped = new DataTransfer();
    dropped.items.add(new File(["dropped"], "dropped.txt", { type: "text/plain" }));
    return dropped;
  })()`);
  const target = page.getByRole("heading", { name: "drops" });
  await target.dispatchEvent("dragover", { dataTransfer: files });
  await target.dispatchEvent("drop", { dataTransfer: files });
  await page.getByRole("button", { name: "dropped.txt" }).waitFor();
  expect(await keysOf("drops")).toEqual([expect.objectContaining({ key: "dropped.txt", size: 7 })]);
});

test("a failed upload says why, and is tried again", async () => {
  await tests.dashboard.api("POST", "/storage", { name: "fails" });
  const page = await tests.dashboard.page("/storage/fails");
  const error = { error: { code: "OVERLOADED", message: "Too much at once." } };
  await page.route("**/objects/a.txt", (route) => route.fulfill({ status: 503, json: error }));
  await page
    .getByLabel("Files to upload")
    .setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("a") });
  await page.getByText("Too much at once.").waitFor();
  await page.unroute("**/objects/a.txt");
  await page.getByRole("button", { name: "Try failed ones again" }).click();
  await page.getByRole("button", { name: "a.txt", exact: true }).waitFor();
});

test("pictures are shown, and what could run as a page is only shown as text", async () => {
  const { dashboard } = tests;
  await dashboard.api("POST", "/storage", { name: "hostile" });
  const attack = "parent.attacked = top.attacked = window.attacked = true;";
  await put("hostile", "page.html", `<h1>hello</h1><script>${attack}</script>`, "text/html");
  await put(
    "hostile",
    "image.svg",
    `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="${attack}"><script>${attack}</script></svg>`,
    "image/svg+xml",
  );
  await put("hostile", "dot.png", new Uint8Array(png), "image/png");
  await put("hostile", `"><img src=x onerror="${attack}">`, "x", "text/plain");
  const page = await dashboard.page("/storage/hostile");
  await page.getByRole("button", { name: "dot.png" }).click();
  await page.getByRole("img", { name: "Preview of dot.png" }).waitFor();
  const picture = "document.querySelector('dialog img')";
  expect(await page.evaluate(`${picture}.decode().then(() => ${picture}.naturalWidth)`)).toBe(1);
  expect(await look(page, "storage-object")).toEqual([]);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "page.html" }).click();
  await page.getByText("<h1>hello</h1>").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "image.svg" }).click();
  await page.getByRole("img", { name: "Preview of image.svg" }).waitFor();
  expect(await page.evaluate("window.attacked")).toBeUndefined();
  // Opened by its address, on the origin that the session's cookie belongs to.
  for (const key of ["page.html", "image.svg"]) {
    const response = await page.request.get(`/v1/storage/hostile/objects/${key}`);
    const headers = response.headers();
    expect(headers["content-disposition"]).toStartWith("attachment");
    expect(headers["content-security-policy"]).toStartWith("sandbox");
    expect(headers["x-content-type-options"]).toBe("nosniff");
  }
});

test("a viewer reads and downloads, and is offered no change", async () => {
  const { dashboard } = tests;
  await dashboard.api("POST", "/accounts", { name: "acme" });
  await dashboard.api("POST", "/storage?account=acme", { name: "theirs" });
  await put("theirs", "note.txt", "for all of us", "text/plain", "?account=acme");
  const vera = await joinAccount(dashboard, "acme", {
    email: "vera@example.com",
    name: "Vera",
    role: "viewer",
  });
  const page = await dashboard.page("/storage", vera);
  await page.getByRole("combobox", { name: "Account", exact: true }).selectOption({ label: "acme" });
  await page.getByRole("link", { name: "theirs" }).waitFor();
  expect(await page.getByRole("button", { name: "New bucket" }).count()).toBe(0);
  await page.getByRole("link", { name: "theirs" }).click();
  await page.getByText("You are viewer here").waitFor();
  await page.getByRole("button", { name: "note.txt" }).click();
  await page.getByText("for all of us").waitFor();
  const saved = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download" }).click();
  expect(await Bun.file(await (await saved).path()).text()).toBe("for all of us");
  // Beside the dialog as well as in it.
  const changes = page.getByRole("button", { name: /^(Rename|Delete.*|Upload.*)$/, includeHidden: true });
  expect(await changes.count()).toBe(0);
  expect(await page.getByRole("checkbox", { includeHidden: true }).count()).toBe(0);
  expect(await page.locator("input[type=file]").count()).toBe(0);
  await page.keyboard.press("Escape");
  expect(await look(page, "storage-viewer")).toEqual([]);

  // Dropped all the same, it is not taken.
  const files = await page.evaluateHandle(`(() => {
    const dropped = new DataTransfer();
    dropped.items.add(new File(["dropped"], "dropped.txt", { type: "text/plain" }));
    return dropped;
  })()`);
  await page.getByRole("heading", { name: "theirs" }).dispatchEvent("drop", { dataTransfer: files });
  expect(await page.getByRole("region", { name: "Uploads" }).count()).toBe(0);
  for (const [method, path, body] of [
    ["POST", "/storage?account=acme", { name: "another" }],
    ["PUT", "/storage/theirs/objects/note.txt?account=acme", "mine"],
    ["DELETE", "/storage/theirs/objects/note.txt?account=acme", undefined],
    ["PATCH", "/storage/theirs?account=acme", { name: "mine" }],
    ["DELETE", "/storage/theirs?account=acme", undefined],
  ] as const) {
    await expect(dashboard.api(method, path, body, vera.token)).rejects.toThrow("answered 403");
  }
});

test("a link gives the object to whoever has it", async () => {
  const { dashboard } = tests;
  await dashboard.api("POST", "/storage", { name: "shared" });
  await put("shared", "note.txt", "for you", "text/plain");
  const page = await dashboard.page("/storage/shared?key=note.txt");
  await page.getByRole("button", { name: "Make a link" }).click();
  const link = new URL(await page.getByLabel("Link", { exact: true }).inputValue());
  const response = await dashboard.platform.fetch("api", link.pathname + link.search);
  expect(await response.text()).toBe("for you");
});
