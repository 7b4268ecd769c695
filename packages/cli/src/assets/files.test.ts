import { describe, expect, test } from "bun:test";
import { mkdir, symlink, truncate } from "node:fs/promises";
import { join } from "node:path";
import { maxAssetBytes } from "@openworkers/core";
import { testFolder } from "../testing/files.ts";
import { collectFiles } from "./files.ts";

const pathsOf = async (folder: string) => (await collectFiles(folder)).files.map(({ path }) => path);

test("every file has its path, hash, size and content type", async () => {
  await using folder = await testFolder({
    "index.html": "abc",
    "js/app.js": "",
    "data.json": "{}",
    "logo.svg": "<svg/>",
    blob: "x",
  });
  const { files } = await collectFiles(folder.path);
  expect(files.map(({ path, contentType }) => [path, contentType])).toEqual([
    ["/blob", "application/octet-stream"],
    ["/data.json", "application/json"],
    ["/index.html", "text/html; charset=utf-8"],
    ["/js/app.js", "text/javascript; charset=utf-8"],
    ["/logo.svg", "image/svg+xml"],
  ]);
  expect(files.find(({ path }) => path === "/index.html")).toMatchObject({
    size: 3,
    hash: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  });
});

test("names in other scripts, with spaces and with signs are paths as they are", async () => {
  const names = ["ü b.txt", "100%.txt", "a#b?c.txt", "日本.txt", "%2e%2e"];
  await using folder = await testFolder(Object.fromEntries(names.map((name) => [name, "x"])));
  expect(await pathsOf(folder.path)).toEqual(names.map((name) => `/${name}`).sort());
});

describe(".assetsignore", () => {
  test("is read as git reads .gitignore", async () => {
    await using folder = await testFolder({
      ".assetsignore": "*.map\n/drafts/\n!keep.map\n# a comment\n",
      "app.js": "",
      "app.js.map": "",
      "keep.map": "",
      "drafts/one.html": "",
      "blog/drafts/two.html": "",
    });
    expect(await pathsOf(folder.path)).toEqual(["/app.js", "/blog/drafts/two.html", "/keep.map"]);
  });

  test("need not name what must not be public, and may let it through", async () => {
    const secrets = [
      ".env",
      ".env.local",
      ".dev.vars",
      ".git/config",
      "node_modules/a/index.js",
      "wrangler.jsonc",
      "_headers",
      "_redirects",
    ];
    await using folder = await testFolder({
      "index.html": "",
      ...Object.fromEntries(secrets.map((name) => [name, ""])),
    });
    expect(await pathsOf(folder.path)).toEqual(["/index.html"]);
    await folder.write({ ".assetsignore": "!.env.local" });
    expect(await pathsOf(folder.path)).toEqual(["/.env.local", "/index.html"]);
  });

  test("must name server code that lies among the files", async () => {
    await using folder = await testFolder({ "index.html": "", "_worker.js": "" });
    await expect(collectFiles(folder.path)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await folder.write({ ".assetsignore": "_worker.js" });
    expect(await pathsOf(folder.path)).toEqual(["/index.html"]);
  });
});

describe("a link", () => {
  test("within the folder is followed, also one that leads back", async () => {
    await using folder = await testFolder({ "site/a/file.txt": "x" });
    const site = join(folder.path, "site");
    await symlink("a/file.txt", join(site, "file-link.txt"));
    await symlink("a", join(site, "b"));
    await symlink("..", join(site, "a/up"));
    expect(await pathsOf(site)).toEqual(["/a/file.txt", "/b/file.txt", "/file-link.txt"]);
  });

  test.each([
    ["to a file", "../secret.txt"],
    ["to a folder", "../private"],
    ["to the file system's root", "/"],
    ["to a file by its whole path", "/etc/passwd"],
    ["through another link", "inner"],
    ["to nothing", "nowhere"],
  ])("that leads out of the folder %s is refused", async (_, target) => {
    await using folder = await testFolder({ "site/index.html": "", "secret.txt": "s", "private/key": "k" });
    const site = join(folder.path, "site");
    await symlink("../private", join(site, "inner"));
    await symlink(target, join(site, "link"));
    await expect(collectFiles(site)).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringContaining("is a link"),
    });
    await folder.write({ "site/.assetsignore": "link\ninner\n" });
    expect(await pathsOf(site)).toEqual(["/index.html"]);
  });
});

test("a file that is too large is refused by its name", async () => {
  await using folder = await testFolder({ "film.mp4": "x" });
  await truncate(join(folder.path, "film.mp4"), maxAssetBytes + 1);
  await expect(collectFiles(folder.path)).rejects.toMatchObject({
    code: "INVALID_INPUT",
    message: expect.stringContaining("/film.mp4"),
  });
});

test("a folder that is not there is named", async () => {
  await using folder = await testFolder({ "file.txt": "x" });
  for (const name of ["nothing", "file.txt"]) {
    await expect(collectFiles(join(folder.path, name))).rejects.toMatchObject({ code: "NOT_FOUND" });
  }
  await mkdir(join(folder.path, "empty"));
  expect(await pathsOf(join(folder.path, "empty"))).toEqual([]);
});
