import { beforeAll, describe, expect, test } from "bun:test";
import { connect, deployVersion, ensureOperator } from "@openworkers/db";
import { hookMs, sharedPlatform } from "../testing/shared-platform.ts";

const { home } = sharedPlatform();

let namespace: { readonly id: string; readonly name: string };
beforeAll(async () => {
  namespace = await home.json("kv", "create", "settings");
}, hookMs);

const binary = new Uint8Array([0, 255, 254, 10, 13, 128]);

describe("namespaces", () => {
  test("are created once, listed, and found by name and by id", async () => {
    expect(namespace).toMatchObject({ name: "settings", owner: "operator" });
    expect(await home.json<unknown>("kv", "namespaces")).toMatchObject([
      { id: namespace.id, name: "settings" },
    ]);
    const again = await home.ow(["kv", "create", "settings"]);
    expect([again.code, again.stderr]).toEqual([
      1,
      expect.stringContaining('a KV namespace "settings" already'),
    ]);
    const wrong = await home.ow(["kv", "create", "no spaces"]);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("letters, digits")]);
    await home.json("kv", "put", namespace.id, "by id", "x");
    expect(await home.json<unknown>("kv", "get", "settings", "by id")).toEqual({ key: "by id", value: "x" });
  });

  test("that are not there are an error with the next step", async () => {
    const { code, stderr } = await home.ow(["kv", "get", "nothing", "k"]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/no KV namespace "nothing".*\n.*ow kv create nothing/),
    ]);
  });

  test("are not deleted while a worker binds them, nor without --yes; then they are", async () => {
    const { id } = await home.json<{ id: never }>("kv", "create", "bound");
    const { databaseUrl } = await home.profile();
    await using database = connect(databaseUrl);
    const { id: by } = await ensureOperator(database);
    await deployVersion(database, {
      worker: "user-of-it",
      by,
      code: {
        modules: [{ name: "index.js", type: "esModule", content: Buffer.from("export default {}") }],
        compatibilityDate: "2026-11-01",
        compatibilityFlags: [],
        sourceMaps: new Map(),
      },
      bindings: new Map([["KV", { kind: "kv", namespaceId: id }]]),
    });
    const refused = await home.ow(["kv", "delete-namespace", "bound", "--yes"]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("user-of-it (as KV)")]);
    await home.json("delete", "user-of-it", "--yes");
    expect((await home.ow(["kv", "delete-namespace", "bound"])).code).toBe(2);
    await home.json("kv", "delete-namespace", "bound", "--yes");
    expect(await home.json<{ name: string }[]>("kv", "namespaces")).toHaveLength(1);
  });
});

describe("entries", () => {
  test("come from an argument, a file or standard input, and back byte by byte", async () => {
    await home.json("kv", "put", "settings", "argument", "grüße");
    await home.folder.write({ "value.bin": binary });
    await home.json("kv", "put", "settings", "file", "--path", "value.bin");
    await home.ow(["kv", "put", "settings", "stdin"], { stdin: "from stdin\n" });
    expect((await home.ow(["kv", "get", "settings", "argument"])).stdout).toBe("grüße");
    expect((await home.ow(["kv", "get", "settings", "stdin"])).stdout).toBe("from stdin\n");
    const { value, base64 } = await home.json<{ value: string; base64: boolean }>(
      "kv",
      "get",
      "settings",
      "file",
    );
    expect([[...Buffer.from(value, "base64")], base64]).toEqual([[...binary], true]);
  });

  test("have a TTL and metadata, are listed under a prefix, and deleted", async () => {
    await home.json("kv", "put", "settings", "list:a", "1", "--ttl", "3600", "--metadata", '{"m":1}');
    await home.json("kv", "put", "settings", "list:b", "2");
    const { keys } = await home.json<{ keys: { expiration?: number }[] }>(
      "kv",
      "list",
      "settings",
      "--prefix",
      "list:",
    );
    expect(keys).toEqual([
      { name: "list:a", expiration: expect.any(Number), metadata: { m: 1 } },
      { name: "list:b" },
    ] as never);
    expect(keys[0]?.expiration).toBeGreaterThan(Date.now() / 1_000 + 3_000);
    const limited = await home.json("kv", "list", "settings", "--prefix", "list:", "--limit", "1");
    expect(limited).toMatchObject({ keys: [{ name: "list:a" }], complete: false });
    await home.json("kv", "delete", "settings", "list:a", "list:b");
    expect(await home.json<unknown>("kv", "list", "settings", "--prefix", "list:")).toEqual({
      keys: [],
      complete: true,
    });
    const missing = await home.ow(["kv", "get", "settings", "list:a"]);
    expect([missing.code, missing.stdout, missing.stderr]).toEqual([
      1,
      "",
      expect.stringContaining('no key "list:a"'),
    ]);
  });

  test("that KV does not take are refused in its words", async () => {
    const refusals: [string[], string][] = [
      [["put", "settings", "k", "v", "--ttl", "59"], "Expiration TTL must be at least 60"],
      [["put", "settings", "..", "v"], 'Illegal key name ".."'],
      [["put", "settings", "k".repeat(513), "v"], "exceeds key length limit of 512"],
      [["put", "settings", "k", "v", "--metadata", "nothing"], "is not JSON"],
      [["put", "settings", "k", "v", "--path", "x"], "not both"],
      [["put", "settings", "k", "--path", "not-there"], "There is no file not-there"],
    ];
    for (const [args, message] of refusals) {
      const { code, stderr } = await home.ow(["kv", ...args]);
      expect([code > 0, stderr]).toEqual([true, expect.stringContaining(message)]);
    }
  });
});

describe("import and export", () => {
  test("carry everything of a namespace to another one", async () => {
    await home.json("kv", "create", "from");
    await home.json("kv", "create", "to");
    const expiration = Math.floor(Date.now() / 1_000) + 5_000;
    const entries = [
      { key: "a", value: "1", expiration, metadata: { m: "é" } },
      { key: "b", value: Buffer.from(binary).toString("base64"), base64: true },
      { key: "large", value: "x".repeat(300_000) },
      { key: "漢", value: "" },
    ];
    await home.folder.write({ "entries.json": JSON.stringify(entries, null, 2) });
    expect(await home.json("kv", "import", "from", "entries.json")).toEqual({
      namespace: "from",
      imported: 4,
    });
    const exported = await home.ow(["kv", "export", "from"]);
    expect(JSON.parse(exported.stdout)).toEqual(entries);
    const imported = await home.ow(["kv", "import", "to", "-"], { stdin: exported.stdout });
    expect(imported.code).toBe(0);
    expect((await home.ow(["kv", "export", "to"])).stdout).toBe(exported.stdout);
    expect((await home.ow(["kv", "export", "to", "--prefix", "none"])).stdout).toBe("[]\n");
  });

  test("say which entry is none, and that a file is no JSON", async () => {
    const attempts: [string, RegExp][] = [
      ['[{"key":"a","value":"1"},{"key":"b"}]', /Entry 2 is none: value/],
      ['[{"key":"a","value":"1"}', /After entry 1: this is not JSON/],
      ["key,value", /After entry 0: this is not JSON/],
      ["", /not JSON/],
    ];
    for (const [stdin, message] of attempts) {
      const { code, stderr } = await home.ow(["kv", "import", "settings", "-"], { stdin });
      expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
    }
  });
});
