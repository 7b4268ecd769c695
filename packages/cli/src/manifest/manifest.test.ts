import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { isOpenWorkersError } from "@openworkers/core";
import { testFolder } from "../testing/files.ts";
import { newestCompatibilityDate, resolveCompatibilityDate } from "./compatibility-date.ts";
import { keyWarnings } from "./keys.ts";
import { type LoadProjectOptions, loadProject, type Project } from "./project.ts";
import { manifestFileSchema } from "./schema.ts";
import { toWorkerName } from "./worker-name.ts";

const dates = { newest: "2026-11-17", today: "2026-11-22" };

async function project(
  files: Record<string, string>,
  options: LoadProjectOptions = {},
  path = "",
): Promise<Project> {
  await using folder = await testFolder({ "src/index.ts": "", ...files });
  return await loadProject(`${folder.path}/${path}`, { dates, ...options });
}

async function refusal(files: Record<string, string>, options: LoadProjectOptions = {}): Promise<string> {
  try {
    await project(files, options);
  } catch (thrown) {
    if (isOpenWorkersError(thrown)) return `${thrown.code}: ${thrown.message} ${thrown.hint ?? ""}`;
    throw thrown;
  }
  throw new Error("it was accepted");
}

const base = { name: "shop", main: "src/index.ts", compatibility_date: "2026-01-01" };
const json = (extra: Record<string, unknown>) => ({ "wrangler.json": JSON.stringify({ ...base, ...extra }) });

describe("static files", () => {
  test("are served beside the code as the manifest says, with Cloudflare's defaults", async () => {
    const { assets, entry } = await project(json({ assets: { directory: "public" } }));
    expect(entry).toEndWith("/src/index.ts");
    expect(assets).toMatchObject({
      directory: expect.stringMatching(/\/public$/),
      htmlHandling: "auto-trailing-slash",
      notFoundHandling: "none",
      runWorkerFirst: false,
      only: false,
    });
    expect(assets?.binding).toBeUndefined();
    const full = {
      directory: "./dist",
      binding: "FILES",
      html_handling: "none",
      not_found_handling: "single-page-application",
      run_worker_first: ["/api/*", "!/api/docs/*"],
    };
    expect((await project(json({ assets: full }))).assets).toMatchObject({
      binding: "FILES",
      htmlHandling: "none",
      notFoundHandling: "single-page-application",
      runWorkerFirst: ["/api/*", "!/api/docs/*"],
    });
  });

  test("need no code", async () => {
    const { assets, entry } = await project(json({ main: undefined, assets: { directory: "public" } }));
    expect(entry).toEndWith("/static-worker.js");
    expect(assets).toMatchObject({ only: true, binding: "ASSETS" });
  });

  test("are all there is in a folder with an index.html and neither a manifest nor code", async () => {
    await using folder = await testFolder({ "index.html": "" });
    const { assets, entry } = await loadProject(folder.path, { dates });
    expect([assets?.only, assets?.directory, entry]).toEqual([
      true,
      folder.path,
      expect.stringMatching(/static-worker\.js$/),
    ]);
    await folder.write({ "index.js": "" });
    expect((await loadProject(folder.path, { dates })).assets).toBeUndefined();
  });

  test.each([
    [{ directory: "" }],
    [{ directory: "a", binding: "not a name" }],
    [{ directory: "a", html_handling: "sometimes" }],
    [{ directory: "a", run_worker_first: ["api/*"] }],
    [{ directory: "a", run_worker_first: ["!/api/*"] }],
    [{ directory: "a", run_worker_first: [] }],
    [{}],
  ])("are refused as %j", async (assets) => {
    expect(await refusal(json({ assets }))).toContain("INVALID_MANIFEST: wrangler.json: assets");
  });
});

describe("a manifest", () => {
  test("in TOML, JSON and JSONC says the same", async () => {
    const toml = `name = "shop"\nmain = "src/index.ts"\ncompatibility_date = "2026-01-01"\n[vars]\nA = "a"\nB = { c = 1 }\n`;
    const jsonc = `{ // comment\n "name": "shop", "main": "src/index.ts", "compatibility_date": "2026-01-01",
      "vars": { "A": "a", "B": { "c": 1 } }, }`;
    const projects = await Promise.all([
      project({ "wrangler.toml": toml }),
      project({ "wrangler.jsonc": jsonc }),
      project(json({ vars: { A: "a", B: { c: 1 } } })),
    ]);
    for (const { name, vars, compatibilityDate, warnings } of projects) {
      expect({ name, compatibilityDate, warnings }).toEqual({
        name: "shop",
        compatibilityDate: "2026-01-01",
        warnings: [],
      });
      expect([...vars]).toEqual([
        ["A", { kind: "text", value: "a" }],
        ["B", { kind: "json", value: '{"c":1}' }],
      ]);
    }
  });

  test("has crons, or none, or does not speak of them", async () => {
    const crons = ["*/5 * * * *", "0 9 * * MON-FRI"];
    expect((await project(json({ triggers: { crons } }))).crons).toEqual(crons);
    expect((await project(json({ triggers: { crons: [] } }))).crons).toEqual([]);
    expect(await project(json({ triggers: {} }))).not.toHaveProperty("crons");
    expect(await project(json({}))).not.toHaveProperty("crons");
  });

  test("sorts its routes into path routes and custom domains", async () => {
    const { routes, domains } = await project(
      json({
        routes: [
          "example.com/api/*",
          { pattern: "shop.example.com", custom_domain: true },
          { pattern: "*.example.org/*" },
        ],
      }),
    );
    expect({ routes, domains }).toEqual({
      routes: ["example.com/api/*", "*.example.org/*"],
      domains: ["shop.example.com"],
    });
  });

  test("asks for limits in wrangler's words and in ours", async () => {
    const { limits } = await project(
      json({ limits: { cpu_ms: 250 }, openworkers: { limits: { memoryBytes: 2 ** 28 } } }),
    );
    expect(limits).toEqual({ cpuMs: 250, memoryBytes: 2 ** 28 });
  });

  test("lists the hosts that the worker may ask, and may list none", async () => {
    const allow = async (egress: unknown) => (await project(json({ openworkers: { egress } }))).egress.allow;
    expect(await allow({ allow: ["API.example.com", "*.example.org"] })).toEqual([
      "api.example.com",
      "*.example.org",
    ]);
    expect(await allow({ allow: [] })).toEqual([]);
    expect(await allow({})).toBeUndefined();
  });

  test("has sections that inherit everything but vars, and a name of their own", async () => {
    const file = json({
      vars: { A: "top" },
      minify: true,
      env: { staging: { vars: { B: "section" } }, live: { name: "shop-live", minify: false } },
    });
    const staging = await project(file, { environment: "staging" });
    expect([staging.name, [...staging.vars.keys()], staging.build.minify]).toEqual([
      "shop-staging",
      ["B"],
      true,
    ]);
    const live = await project(file, { environment: "live" });
    expect([live.name, [...live.vars.keys()], live.build.minify]).toEqual(["shop-live", [], false]);
  });

  test("is found from a lone file inside its project, and not beyond the next package.json", async () => {
    const files = { ...json({}), "nested/package.json": "{}", "nested/other.ts": "" };
    expect((await project(files, {}, "src/index.ts")).name).toBe("shop");
    expect((await project(files, {}, "nested/other.ts")).name).toBe("other");
  });

  test("is not used for another file than its main one, which would take the worker's place", async () => {
    const { name, vars, warnings } = await project(
      { ...json({ vars: { A: "1" } }), "src/try.ts": "" },
      {},
      "src/try.ts",
    );
    expect([name, vars.size, warnings]).toEqual([
      "try",
      0,
      ["wrangler.json is about src/index.ts and is not used for try.ts."],
    ]);
  });

  test("without a compatibility date gets a warning and the newest date that is not in the future", async () => {
    const { compatibilityDate, warnings } = await project({ "wrangler.json": `{ "name": "shop" }` });
    expect(compatibilityDate).toBe("2026-11-17");
    expect(warnings).toEqual([expect.stringContaining("compatibility_date is not set; 2026-11-17 is used")]);
  });
});

const refused: { what: string; files: Record<string, string>; options?: LoadProjectOptions; says: string }[] =
  [
    {
      what: "broken JSON",
      files: { "wrangler.jsonc": `{\n "a": }` },
      says: "INVALID_MANIFEST: wrangler.jsonc:2:7: ValueExpected",
    },
    { what: "broken TOML", files: { "wrangler.toml": "name = " }, says: "INVALID_MANIFEST: wrangler.toml:" },
    {
      what: "a value of the wrong form",
      files: json({ minify: "yes" }),
      says: "minify: Invalid input: expected boolean",
    },
    {
      what: "a cron that is none",
      files: json({ triggers: { crons: ["* * * * *", "0 0 30 2 *"] } }),
      says: 'triggers.crons.1: The cron "0 0 30 2 *" cannot be used: It is never due.',
    },
    {
      what: "a date that is none",
      files: json({ compatibility_date: "soon" }),
      says: "compatibility_date: write it as YYYY-MM-DD",
    },
    {
      what: "a date the runtime does not know",
      files: json({ compatibility_date: "2027-01-01" }),
      says: "knows dates up to 2026-11-17",
    },
    {
      what: "more CPU time than any platform allows",
      files: json({ limits: { cpu_ms: 400_000 } }),
      says: "limits.cpu_ms: 400000 is more than any platform allows, which is 300000.",
    },
    {
      what: "an unknown limit",
      files: json({ openworkers: { limits: { cpu: 1 } } }),
      says: "openworkers.limits: Unrecognized key",
    },
    {
      what: "an entry that is not there",
      files: json({ main: "dist/index.js" }),
      says: "main is dist/index.js, which does not exist",
    },
    {
      what: "a host to ask that is a URL",
      files: json({ openworkers: { egress: { allow: ["https://example.com"] } } }),
      says: 'is not a host such as "api.example.com"',
    },
    {
      what: "a name that is no host label",
      files: json({ name: "My Shop" }),
      says: `INVALID_NAME: "My Shop" cannot name a worker`,
    },
    {
      what: "an unknown section",
      files: json({ env: { live: {} } }),
      options: { environment: "staging" },
      says: "no section env.staging. It has: live.",
    },
    {
      what: "a section without a manifest",
      files: {},
      options: { environment: "staging" },
      says: "There is no manifest",
    },
  ];

describe("a project is refused for", () => {
  for (const { what, files, options, says } of refused) {
    test(what, async () => {
      expect(await refusal(files, options)).toContain(says);
    });
  }
});

const keys: { key: string; value: unknown; warning: string | undefined }[] = [
  { key: "d1_databases", value: [{ binding: "DB" }], warning: undefined },
  { key: "hyperdrive", value: [{ binding: "DB", id: "shop" }], warning: undefined },
  { key: "kv_namespaces", value: [{ binding: "KV" }], warning: undefined },
  { key: "compatability_date", value: "2026-01-01", warning: "Did you mean compatibility_date?" },
  { key: "kv_namespace", value: [], warning: "Did you mean kv_namespaces?" },
  { key: "quux", value: 1, warning: "quux is not a known key and has no effect." },
  { key: "account_id", value: "a", warning: undefined },
  { key: "durable_objects", value: { bindings: [] }, warning: undefined },
  {
    key: "durable_objects",
    value: { bindings: [{ name: "A" }] },
    warning: "durable_objects is not supported",
  },
  { key: "build", value: { watch_dir: "./src" }, warning: undefined },
  { key: "build", value: { command: "make" }, warning: "build is not supported" },
  { key: "quux", value: { corge: [] }, warning: undefined },
];

describe("a manifest's key", () => {
  for (const { key, value, warning } of keys) {
    test(`${key} = ${JSON.stringify(value)} gives ${warning === undefined ? "no warning" : `"${warning}"`}`, () => {
      const warnings = keyWarnings({ [key]: value }, "");
      expect(warnings).toEqual(warning === undefined ? [] : [expect.stringContaining(warning)]);
    });
  }
});

describe("what a framework's build wrote", () => {
  const files = {
    ...json({ vars: { FROM: "source" } }),
    "dist/server/wrangler.json": JSON.stringify({ ...base, main: "entry.mjs", no_bundle: true }),
    "dist/server/entry.mjs": "",
  };
  const pointer = (text: string) => ({ ...files, ".wrangler/deploy/config.json": text });
  const toServer = pointer('{"configPath":"../../dist/server/wrangler.json","auxiliaryWorkers":[]}');

  test("goes before the manifest of the sources in a deploy, and is said to", async () => {
    const { entry, build, vars, warnings } = await project(toServer, { built: true });
    expect(entry).toEndWith("/dist/server/entry.mjs");
    expect([build.bundle, vars.size]).toEqual([false, 0]);
    expect(warnings).toEqual([expect.stringContaining("dist/server/wrangler.json is used")]);
  });

  test("is left alone by what is about the sources, and by who names a manifest", async () => {
    for (const [options, path] of [
      [{}, ""],
      [{ built: true }, "wrangler.json"],
    ] as const) {
      const { entry, warnings } = await project(toServer, options, path);
      expect(entry).toEndWith("/src/index.ts");
      expect(warnings).toEqual([]);
    }
  });

  test.each([
    ['{"configPath":"../../dist/gone.json"}', "leads to dist/gone.json, which does not exist"],
    ["{", "does not say where a manifest is"],
    ["{}", "does not say where a manifest is"],
  ])("is asked for anew when the pointer to it is broken: %s", async (text, says) => {
    const refused = await refusal(pointer(text), { built: true });
    expect(refused).toContain(says);
    expect(refused).toContain("Build the project again");
  });
});

test("docs/manifest.md has every key that is read, and no other", async () => {
  const page = await Bun.file(join(import.meta.dir, "../../../../docs/manifest.md")).text();
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  const named = rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, key]) => key),
  );
  expect(named.sort()).toEqual(Object.keys(manifestFileSchema.shape).sort());
});

test("a derived worker name is bent into a host label", () => {
  expect(["My App!", "--x--", "a".repeat(60), "UPPER_case.v2"].map(toWorkerName)).toEqual([
    "my-app",
    "x",
    "a".repeat(50),
    "upper-case-v2",
  ]);
});

test("the newest compatibility date is the one in workerd's version", () => {
  expect(newestCompatibilityDate("1.20261117.1")).toBe("2026-11-17");
  expect(resolveCompatibilityDate(undefined, { newest: "2026-11-17", today: "2026-11-10" })).toBe(
    "2026-11-10",
  );
});
