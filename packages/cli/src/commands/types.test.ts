import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import workerTypes from "@openworkers/worker-types/package.json" with { type: "json" };
import workerd from "workerd/package.json" with { type: "json" };
import { OwHome } from "../testing/ow.ts";

const home = new OwHome();
afterAll(() => home[Symbol.asyncDispose]());

async function project(name: string, more: Record<string, unknown> = {}): Promise<string> {
  await home.folder.write({
    [`${name}/wrangler.json`]: JSON.stringify({
      name,
      main: "index.ts",
      compatibility_date: "2026-01-01",
      kv_namespaces: [{ binding: "KV" }],
      ...more,
    }),
    [`${name}/index.ts`]: "export default {};",
  });
  return join(home.folder.path, name, "worker-configuration.d.ts");
}

test("ow types writes a file, --check says whether it still fits, and a second run changes nothing", async () => {
  const file = await project("one");
  const missing = await home.ow(["types", "one", "--check"]);
  expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining("is not there")]);
  expect(await home.json("types", "one")).toEqual({ file, changed: true });
  const text = await Bun.file(file).text();
  expect(text).toContain("    KV: KVNamespace;\n");
  expect(await home.json("types", "one")).toEqual({ file, changed: false });
  expect((await home.ow(["types", "one", "--check"])).code).toBe(0);
  await project("one", { vars: { ADDED: "1" } });
  const stale = await home.ow(["types", "one", "--check"]);
  expect([stale.code, stale.stderr]).toEqual([1, expect.stringContaining("is out of date")]);
  expect(await Bun.file(file).text()).toBe(text);
});

test("ow types --stdout prints what it would write, with the names of dotenv files", async () => {
  const file = await project("two");
  await home.folder.write({ ".secrets": "TOKEN=hidden\n" });
  const { code, stdout } = await home.ow(["types", "two", "--stdout", "--secrets", ".secrets"]);
  expect([code, await Bun.file(file).exists()]).toEqual([0, false]);
  expect(stdout).toContain("    TOKEN: string;\n");
  expect(stdout).not.toContain("hidden");
});

test("ow types leaves a file alone that something else wrote", async () => {
  const file = await project("three");
  await Bun.write(file, "// mine\n");
  const { code, stderr } = await home.ow(["types", "three"]);
  expect([code, await Bun.file(file).text()]).toEqual([1, "// mine\n"]);
  expect(stderr).toContain("ow types --output env.d.ts");
  expect((await home.ow(["types", "three", "--output", "three/env.d.ts"])).code).toBe(0);
});

test("ow types --with gives the methods of a worker that is called types, and is an error for no project", async () => {
  await project("four", { services: [{ binding: "ONE", service: "one" }] });
  await project("one");
  const { stdout } = await home.ow(["types", "four", "--stdout", "--with", "one"]);
  expect(stdout).toContain('    ONE: Service<typeof import("../one/index").default>;\n');
  expect((await home.ow(["types", "four", "--stdout", "--with", "nowhere"])).code).toBe(1);
  expect((await home.ow(["types", "four", "--stdout", "--check"])).code).toBe(2);
});

test("ow types --remote adds what the platform has for the worker, and no value of it", async () => {
  const file = await project("five");
  const platform = await home.up("--no-api");
  const unknown = await home.ow(["types", "five", "--remote", "--stdout"]);
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("five")]);
  await home.json("deploy", "five");
  await home.json("env", "set", "five", "PLAIN=of-the-platform");
  expect((await home.ow(["secret", "put", "five", "TOKEN"], { stdin: "hidden" })).code).toBe(0);
  await home.json("kv", "create", "more");
  await home.json("bindings", "add", "five", "MORE", "--kv", "more");
  await home.json("bindings", "add", "five", "SELF", "--worker", "five");
  expect(await home.json("types", "five", "--remote")).toEqual({ file, changed: true });
  const text = await Bun.file(file).text();
  for (const line of ["KV: KVNamespace;", "PLAIN: string;", "TOKEN: string;", "MORE: KVNamespace;"])
    expect(text).toContain(`    ${line}\n`);
  expect(text).toMatch(/^ {4}SELF: /m);
  expect(text).not.toContain("hidden");
  expect(text).not.toContain("of-the-platform");
  expect((await home.ow(["types", "five", "--remote", "--check"])).code).toBe(0);
  // Without the platform's the file is out of date.
  expect((await home.ow(["types", "five", "--check"])).code).toBe(1);
  expect(await platform.end("SIGINT")).toBe(0);
  const away = await home.ow(["types", "five", "--remote", "--stdout"]);
  expect([away.code, away.stdout]).toEqual([1, ""]);
  expect(away.stderr).toContain("next: ");
}, 60_000);

test("the runtime's types are those of the runtime that is installed", () => {
  const [, day] = workerd.version.split(".");
  expect(workerTypes.dependencies["@cloudflare/workers-types"].split(".")[1]).toBe(day);
});
