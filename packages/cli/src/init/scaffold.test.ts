import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { bundleProject } from "../bundle/mod.ts";
import { loadProject } from "../manifest/project.ts";
import { testFolder } from "../testing/files.ts";
import { answerInWorkerd } from "../testing/workerd.ts";
import { scaffold } from "./scaffold.ts";

test("a new worker loads without a warning, bundles, and runs", async () => {
  await using folder = await testFolder();
  const made = await scaffold(join(folder.path, "My Worker"));
  expect(made).toEqual({
    name: "my-worker",
    files: [
      ...["package.json", "wrangler.jsonc", "tsconfig.json", "src/index.ts", ".gitignore"],
      "worker-configuration.d.ts",
    ],
  });
  const project = await loadProject(join(folder.path, "My Worker"));
  expect(project.warnings).toEqual([]);
  expect(await answerInWorkerd((await bundleProject(project)).code)).toContain("from my-worker");
});

test("a worker is not made over files that are there", async () => {
  await using folder = await testFolder({ "src/index.ts": "mine" });
  expect(scaffold(folder.path, "hello")).rejects.toThrow("src/index.ts exists already; nothing is written");
  expect(await readdir(folder.path)).toEqual(["src"]);
});
