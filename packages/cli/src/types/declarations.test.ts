import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { scaffold } from "../init/scaffold.ts";
import { loadProject } from "../manifest/project.ts";
import { testFolder } from "../testing/files.ts";
import { declarations, type TypesInput, typesFile } from "./declarations.ts";

const root = join(import.meta.dir, "../../../..");

/** What tsc says about the project in `folder`; empty when it is content. */
async function compile(folder: string): Promise<string> {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const child = Bun.spawn([process.execPath, tsc, "--noEmit", "--project", folder], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return (await child.exited) === 0 ? "" : output + errors;
}

const tsconfig = JSON.stringify({
  compilerOptions: {
    target: "ESNext",
    module: "ESNext",
    moduleResolution: "bundler",
    lib: ["ESNext"],
    types: [],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  },
  include: ["src", typesFile],
});

const manifest = JSON.stringify({
  name: "shop",
  main: "src/index.ts",
  compatibility_date: "2026-01-01",
  compatibility_flags: ["nodejs_compat"],
  vars: { GREETING: "Hello", SETTINGS: { hosts: ["a"], retries: 3 } },
  kv_namespaces: [{ binding: "KV" }],
  r2_buckets: [{ binding: "FILES" }],
  services: [
    { binding: "OTHER", service: "other" },
    { binding: "COUNTER", service: "other", entrypoint: "Counter" },
    { binding: "SELF", service: "shop" },
    { binding: "FOREIGN", service: "foreign" },
  ],
  ratelimits: [{ name: "LIMITER", namespace_id: "1", simple: { limit: 1, period: 10 } }],
  version_metadata: { binding: "CF_VERSION_METADATA" },
  assets: { directory: "public", binding: "ASSETS" },
  rules: [{ type: "Text", globs: ["**/*.md"], fallthrough: true }],
});

const other = `import { WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
  add(a: number, b: number): number { return a + b; }
}
export class Counter extends WorkerEntrypoint {
  async next(): Promise<number> { return 1; }
}`;

const databases = new Map([
  ["DB", { kind: "database" }],
  ["HYPERDRIVE", { kind: "hyperdrive" }],
] as const);

/** Writes the files and the types, and compiles. */
async function compiled(index: string, more: Partial<TypesInput> = {}): Promise<string> {
  await using folder = await testFolder(
    {
      "shop/wrangler.json": manifest,
      "shop/tsconfig.json": tsconfig,
      "shop/src/index.ts": index,
      "other/wrangler.json": `{ "name": "other", "main": "src/index.ts", "compatibility_date": "2026-01-01" }`,
      "other/src/index.ts": other,
    },
    { packages: true },
  );
  const file = join(folder.path, "shop", typesFile);
  const project = await loadProject(join(folder.path, "shop"));
  const others = [await loadProject(join(folder.path, "other"))];
  await Bun.write(
    file,
    declarations({ project, file, values: ["TOKEN"], bindings: databases, others, ...more }),
  );
  return await compile(join(folder.path, "shop"));
}

const rightUse = `import { env } from "cloudflare:workers";
import notes from "./notes.md";
import module from "./add.wasm";

export default {
  async fetch(request, env, ctx): Promise<Response> {
    const text: string | null = await env.KV.get("key");
    const json: { a: number } | null = await env.KV.get<{ a: number }>("key", "json");
    await env.KV.put("key", request.body ?? "", { expirationTtl: 60, metadata: { a: 1 } });
    const { keys } = await env.KV.list<{ a: number }>({ prefix: "k" });
    const object: R2ObjectBody | null = await env.FILES.get("file", { range: { offset: 1 } });
    await env.FILES.put("file", object?.body ?? notes, { httpMetadata: request.headers });
    const sum: number = await env.OTHER.add(1, 2);
    const next: number = await env.COUNTER.next();
    const answers: Response[] = [await env.SELF.fetch(request), await env.FOREIGN.fetch("https://x/")];
    const { success }: { success: boolean } = await env.LIMITER.limit({ key: "k" });
    const id: string = env.CF_VERSION_METADATA.id;
    const page: Response = await env.ASSETS.fetch(new URL("/index.html", request.url));
    const hosts: string[] = env.SETTINGS.hosts;
    const { results, meta } = await env.DB.prepare("select ?").bind(1).run<{ n: number }>();
    const { rows, columns } = await env.DB.query<{ n: number }>("select $1", [1n, new Date()]);
    const numbers: number[] = [results[0]?.n ?? 0, rows[0]?.n ?? 0, meta.changes, columns.length];
    const { connectionString }: { connectionString: string } = env.HYPERDRIVE;
    const instance = await WebAssembly.instantiate(module);
    const cached = await caches.default.match(request);
    ctx.waitUntil(Promise.resolve());
    return cached ?? Response.json([env.GREETING, env.TOKEN, text, json, keys, sum, next, answers, success, id, hosts, numbers, connectionString, instance, page.status]);
  },
} satisfies ExportedHandler<Env>;

export const greeting = (): string => env.GREETING + process.env.TOKEN;
declare const process: { env: NodeJS.ProcessEnv };
`;

const wrongUses: readonly string[] = [
  `export const it = (env: Env) => env.MISSING;`,
  `export const it = (env: Env) => env.KV.get(1);`,
  `export const it = (env: Env) => env.KV.put("key", { a: 1 });`,
  `export const it = async (env: Env): Promise<string> => env.KV.get("key");`,
  `export const it = (env: Env) => env.FILES.put("file", "x", { httpMetadata: { contentTyp: "a" } });`,
  `export const it = (env: Env) => env.OTHER.add("1", 2);`,
  `export const it = (env: Env) => env.OTHER.subtract(1, 2);`,
  `export const it = (env: Env) => env.FOREIGN.add(1, 2);`,
  `export const it = (env: Env) => env.LIMITER.limit("key");`,
  `export const it = (env: Env) => env.DB.query("select 1", "a");`,
  `export const it = async (env: Env): Promise<string[]> => (await env.DB.query<number>("select 1")).rows;`,
  `export const it = (env: Env) => env.HYPERDRIVE.prepare("select 1");`,
  `export const it = (env: Env): number => env.SETTINGS.retry;`,
  `export const it = (env: Cloudflare.Env): number => env.GREETING;`,
];

const breakOut = 'a": string; evil: number; "';

describe("the types of env", () => {
  test("let every binding be used as its documentation does", async () => {
    expect(await compiled(rightUse)).toBe("");
  });

  test("make a wrong use of any an error", async () => {
    const accepted = await compiled(
      `${wrongUses.map((use, index) => `// @ts-expect-error\n${use.replace("it", `it${index}`)}`).join("\n")}
      export default {};`,
    );
    expect(accepted).toBe("");
  });

  test("of what the platform's environment holds go before the manifest's", async () => {
    const bindings = new Map([
      ["KV", { kind: "storage" } as const],
      ["LATER", { kind: "kv" } as const],
    ]);
    const use = `export default { fetch: async (_: Request, env: Env) =>
      Response.json([await env.KV.head("file"), await env.LATER.get("key"), env.TOKEN.length]) };`;
    expect(await compiled(use, { bindings })).toBe("");
  });

  test("cannot be broken out of by a name in the manifest", async () => {
    await using folder = await testFolder(
      {
        "wrangler.json": JSON.stringify({
          name: "shop",
          main: "index.ts",
          compatibility_date: "2026-01-01",
          vars: { [breakOut]: "x" },
          services: [{ binding: "S", service: "*/ & { evil: 1 } /*" }],
        }),
        "index.ts": "export default {};",
        "tsconfig.json": tsconfig,
      },
      { packages: true },
    );
    const project = await loadProject(folder.path);
    const file = join(folder.path, typesFile);
    await Bun.write(file, declarations({ project, file, values: [], bindings: new Map(), others: [] }));
    // Names of Env and nothing else, and a type of the right form after the comment.
    const use = `const names: keyof Env extends "S" | ${JSON.stringify(breakOut)} ? true : false = true;
      export const it = (env: Env): [Fetcher, string, boolean] => [env.S, env[${JSON.stringify(breakOut)}], names];`;
    await Bun.write(join(folder.path, "src/index.ts"), use);
    expect(await compile(folder.path)).toBe("");
  });
});

test("a new worker of ow init compiles with the types that it comes with", async () => {
  await using folder = await testFolder({}, { packages: true });
  const made = join(folder.path, "hello");
  await scaffold(made);
  expect(await compile(made)).toBe("");
  const source = join(made, "src/index.ts");
  await Bun.write(source, (await Bun.file(source).text()).replace("env.GREETING", "env.GREETINGS"));
  expect(await compile(made)).toContain("Did you mean 'GREETING'?");
});
