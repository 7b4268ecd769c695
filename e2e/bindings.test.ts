import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { type Platform, startPlatform } from "./platform.ts";

// A test runs a dozen commands, each a process: on a busy machine more than the usual minute.
setDefaultTimeout(240_000);

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform();
}, 60_000);
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
});

const boundName = z.object({
  name: z.string(),
  kind: z.string(),
  resource: z.string().optional(),
  id: z.string().optional(),
  created: z.boolean().optional(),
});
type BoundName = z.infer<typeof boundName>;

/** Writes a project and returns its folder. */
async function project(name: string, manifest: Record<string, unknown>, source = store): Promise<string> {
  const folder = join(platform.directory, "projects", name);
  const file = join(folder, "wrangler.json");
  await mkdir(dirname(file), { recursive: true });
  const base = { name, main: "index.js", compatibility_date: "2026-11-01" };
  await Bun.write(file, JSON.stringify({ ...base, ...manifest }));
  await Bun.write(join(folder, "index.js"), source);
  return folder;
}

async function deploy(folder: string, ...options: string[]): Promise<BoundName[]> {
  const deployed = await platform.deploy(folder, ...options);
  return z.object({ bindings: z.array(boundName) }).parse(deployed).bindings;
}

/** What a command prints with --json. */
async function ow(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await platform.ow(...args, "--json");
  if (code !== 0) throw new Error(`ow ${args.join(" ")} ended with ${code}: ${stdout}${stderr}`);
  return JSON.parse(stdout);
}

async function refusal(...args: string[]): Promise<{ code: string; message: string; hint: string }> {
  const { code, stdout } = await platform.ow(...args, "--json");
  expect(code).toBe(1);
  return z
    .object({ error: z.object({ code: z.string(), message: z.string(), hint: z.string() }) })
    .parse(JSON.parse(stdout)).error;
}

/** `/NAME/key` reads what `env.NAME` has under the key, and with PUT writes it. */
const store = `export default {
  async fetch(request, env) {
    const [, name, key] = new URL(request.url).pathname.split("/");
    if (!(name in env)) return new Response("no " + name, { status: 404 });
    if (request.method === "PUT") await env[name].put(key, await request.text());
    const found = await env[name].get(key);
    return new Response(found === null ? "nothing" : typeof found === "string" ? found : await found.text());
  },
};`;

const put = (worker: string, path: string, body: string) =>
  platform.fetch(worker, path, { method: "PUT", body });
const read = async (worker: string, path: string) => (await platform.fetch(worker, path)).text();

/** Asks until the answer is the one that a change must bring; a change that never comes ends with the test. */
async function untilRead(worker: string, path: string, expected: string): Promise<void> {
  for (let answer = ""; answer !== expected; answer = await read(worker, path));
}

describe("ow deploy", () => {
  test("makes what a manifest names without an id, says so, and binds the same the next time", async () => {
    const folder = await project("shop", {
      kv_namespaces: [{ binding: "MY_KV" }],
      r2_buckets: [{ binding: "FILES", bucket_name: "pictures" }, { binding: "OTHER" }],
      version_metadata: { binding: "CF_VERSION_METADATA" },
    });
    const said = await platform.ow("deploy", folder);
    expect(said.stdout).toContain("MY_KV                KV namespace shop-my-kv (created)\n");
    expect(said.stdout).toContain("FILES                bucket pictures (created)\n");
    expect(said.stdout).toContain("OTHER                bucket shop-other (created)\n");
    expect(said.stdout).toContain("CF_VERSION_METADATA  version metadata\n");
    await put("shop", "/MY_KV/key", "kept");
    await put("shop", "/FILES/key", "kept as well");
    const again = await deploy(folder);
    expect(again.map(({ name, created }) => [name, created])).toEqual([
      ["MY_KV", false],
      ["FILES", false],
      ["OTHER", false],
      ["CF_VERSION_METADATA", undefined],
    ]);
    await untilRead("2--shop", "/MY_KV/key", "kept");
    expect(await read("shop", "/FILES/key")).toBe("kept as well");
    expect(await read("shop", "/OTHER/key")).toBe("nothing");
  });

  test("binds what has the id or the name, of another worker's making, too", async () => {
    const [made] = await deploy(await project("maker", { kv_namespaces: [{ binding: "KV" }] }));
    await put("maker", "/KV/key", "shared");
    const bound = await deploy(
      await project("taker", {
        kv_namespaces: [
          { binding: "BY_ID", id: made?.id },
          { binding: "BY_NAME", id: "maker-kv" },
        ],
      }),
    );
    expect(bound).toMatchObject([
      { name: "BY_ID", resource: "maker-kv", id: made?.id, created: false },
      { name: "BY_NAME", resource: "maker-kv", id: made?.id, created: false },
    ]);
    await untilRead("taker", "/BY_ID/key", "shared");
    expect(await read("taker", "/BY_NAME/key")).toBe("shared");
  });

  test("and a namespace or worker that is not there fails with the next step, and makes nothing", async () => {
    const namespaces = async () => JSON.stringify(await ow("kv", "namespaces"));
    const before = await namespaces();
    const kv = await project("failing", {
      kv_namespaces: [{ binding: "NEW" }, { binding: "KV", id: "06779da6940b431db6e566b4846d64db" }],
    });
    const missing = await refusal("deploy", kv);
    expect(missing.message).toBe(
      'KV cannot be bound. There is no KV namespace "06779da6940b431db6e566b4846d64db".',
    );
    expect(missing.hint).toContain("ow kv create");
    const service = await project("failing", {
      kv_namespaces: [{ binding: "NEW" }],
      services: [{ binding: "API", service: "nobody" }],
    });
    expect((await refusal("deploy", service)).hint).toBe("Deploy it first: ow deploy PATH --name nobody");
    expect(await namespaces()).toBe(before);
    expect((await platform.ow("workers", "failing")).code).toBe(1);
  });

  test("with a section of the manifest takes that section's bindings alone", async () => {
    const folder = await project("sections", {
      kv_namespaces: [{ binding: "KV" }],
      env: { staging: { kv_namespaces: [{ binding: "KV" }] }, bare: {} },
    });
    const production = await deploy(folder);
    const staging = await deploy(folder, "--manifest-env", "staging");
    expect([production[0]?.resource, staging[0]?.resource]).toEqual(["sections-kv", "sections-staging-kv"]);
    expect(await deploy(folder, "--manifest-env", "bare")).toEqual([]);
    expect(await read("sections-bare", "/KV/key")).toBe("no KV");
  });

  test("starts the worker with bindings that lead nowhere, and refuses one that cannot do with them", async () => {
    const looks = `import { env } from "cloudflare:workers";
      const seen = [typeof env.KV.get, typeof env.FILES.put].join();
      export default { fetch: () => new Response(seen) };`;
    const manifest = { kv_namespaces: [{ binding: "KV" }], r2_buckets: [{ binding: "FILES" }] };
    await deploy(await project("looking", manifest, looks));
    expect(await read("looking", "/")).toBe("function,function");
    const needs = `import { env } from "cloudflare:workers";
      if (env.MISSING.get) throw new Error();
      export default {};`;
    expect((await refusal("deploy", await project("looking", manifest, needs))).code).toBe("START_FAILED");
  });
});

describe("ow bindings", () => {
  test("binds a running worker's names anew without a deploy, and gives the manifest's back", async () => {
    const folder = await project("bound", { kv_namespaces: [{ binding: "KV" }] });
    await deploy(folder);
    await put("bound", "/KV/key", "the manifest's");
    await ow("kv", "create", "elsewhere");
    await ow("kv", "put", "elsewhere", "key", "the environment's");
    expect(await ow("bindings", "add", "bound", "KV", "--kv", "elsewhere")).toMatchObject({
      name: "KV",
      resource: "elsewhere",
      source: "environment",
    });
    await untilRead("bound", "/KV/key", "the environment's");
    // The next deploy leaves it so: the environment goes before the manifest.
    await deploy(folder);
    await untilRead("2--bound", "/KV/key", "the environment's");
    // What is bound is not deleted; what is not any more is.
    expect((await refusal("kv", "delete-namespace", "elsewhere", "--yes")).message).toContain(
      "bound (as KV)",
    );
    expect(await ow("bindings", "remove", "bound", "KV")).toMatchObject({ removed: ["KV"] });
    await untilRead("bound", "/KV/key", "the manifest's");
    await ow("kv", "delete-namespace", "elsewhere", "--yes");
  });

  test("adds names that no manifest has, which are no values and no command for values touches", async () => {
    await deploy(await project("added", { r2_buckets: [{ binding: "B" }] }));
    await ow("env", "set", "added", "PLAIN=1");
    await ow("bindings", "add", "added", "ADDED", "--storage", "added-b");
    await untilRead("added", "/ADDED/none", "nothing");
    expect(await ow("bindings", "list", "added")).toMatchObject([
      { name: "ADDED", kind: "storage", resource: "added-b", source: "environment" },
      { name: "B", kind: "storage", resource: "added-b", source: "version" },
    ]);
    expect(await ow("env", "list", "added")).toMatchObject([{ name: "PLAIN" }]);
    expect(await ow("env", "unset", "added", "ADDED")).toMatchObject({ removed: [] });
    expect(await ow("bindings", "remove", "added", "ADDED", "B")).toMatchObject({ removed: ["ADDED"] });
    await untilRead("added", "/ADDED/none", "no ADDED");
  });

  test("refuses what is not there, and says what to give", async () => {
    await deploy(await project("picky", {}));
    expect((await refusal("bindings", "add", "picky", "KV", "--kv", "nothing")).hint).toContain(
      "ow kv create nothing",
    );
    expect((await refusal("bindings", "add", "nobody", "KV", "--kv", "elsewhere")).code).toBe("NOT_FOUND");
    const usage = await platform.ow("bindings", "add", "picky", "KV", "--kv", "a", "--worker", "b");
    expect([usage.code, usage.stderr]).toEqual([
      2,
      expect.stringContaining("Give one of --kv, --storage, --database, --hyperdrive, --queue and --worker."),
    ]);
    const props = await platform.ow("bindings", "add", "picky", "KV", "--worker", "picky", "--props", "[1]");
    expect([props.code, props.stderr]).toEqual([2, expect.stringContaining("--props is not a JSON object.")]);
  });
});

test("a worker calls another one that its manifest or its environment binds", async () => {
  const backend = `import { WorkerEntrypoint } from "cloudflare:workers";
    export default class extends WorkerEntrypoint {
      fetch() { return new Response("backend"); }
      add(a, b) { return a + b; }
    }
    export class Admin extends WorkerEntrypoint {
      role() { return this.ctx.props.role; }
    }`;
  // Underscores are wrangler's, and no host name's by the RFC: the worker is reached at its own address all the same.
  await deploy(await project("back_end", {}, backend));
  expect(await read("back_end", "/")).toBe("backend");
  expect(await read("1--back_end", "/")).toBe("backend");
  const site = `export default { async fetch(request, env) {
    return Response.json([await (await env.API.fetch(request)).text(), await env.API.add(2, 3), await env.ADMIN?.role()]);
  } };`;
  const services = [{ binding: "API", service: "back_end" }];
  expect(await deploy(await project("site", { services }, site))).toMatchObject([
    { name: "API", kind: "worker", resource: "back_end" },
  ]);
  await untilRead("site", "/", '["backend",5,null]');
  const props = JSON.stringify({ role: "editor" });
  await ow(
    "bindings",
    "add",
    "site",
    "ADMIN",
    "--worker",
    "back_end",
    "--entrypoint",
    "Admin",
    "--props",
    props,
  );
  await untilRead("site", "/", '["backend",5,"editor"]');
});
