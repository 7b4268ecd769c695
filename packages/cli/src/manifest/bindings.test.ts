import { describe, expect, test } from "bun:test";
import { isOpenWorkersError, type WantedBinding } from "@openworkers/core";
import { testFolder } from "../testing/files.ts";
import { loadProject, type Project } from "./project.ts";

async function project(manifest: string | object, environment?: string): Promise<Project> {
  const [file, text] =
    typeof manifest === "string"
      ? (["wrangler.toml", manifest] as const)
      : (["wrangler.json", JSON.stringify({ ...base, ...manifest })] as const);
  await using folder = await testFolder({ "src/index.ts": "", [file]: text });
  const dates = { newest: "2026-11-17", today: "2026-11-22" };
  return await loadProject(folder.path, { dates, ...(environment === undefined ? {} : { environment }) });
}

const base = { name: "shop", main: "src/index.ts", compatibility_date: "2026-01-01" };

const all: Record<string, WantedBinding> = {
  KV: { kind: "kv" },
  SESSIONS: { kind: "kv", namespace: "sessions" },
  FILES: { kind: "storage" },
  PICTURES: { kind: "storage", bucket: "pictures" },
  OTHER: { kind: "worker", worker: "other" },
  ADMIN: { kind: "worker", worker: "other", entrypoint: "Admin", props: '{"role":"editor"}' },
  LIMITER: { kind: "rate-limit", settings: { namespace: "1001", limit: 20, periodSeconds: 60 } },
  OLD_LIMITER: { kind: "rate-limit", settings: { namespace: "1002", limit: 5, periodSeconds: 10 } },
  CF_VERSION_METADATA: { kind: "version-metadata" },
};

describe("a manifest's bindings", () => {
  test("are read as wrangler writes them, in JSON", async () => {
    const { bindings, warnings } = await project({
      kv_namespaces: [
        { binding: "KV" },
        { binding: "SESSIONS", id: "sessions", preview_id: "x", remote: true },
      ],
      r2_buckets: [
        { binding: "FILES" },
        { binding: "PICTURES", bucket_name: "pictures", preview_bucket_name: "preview" },
      ],
      services: [
        { binding: "OTHER", service: "other", entrypoint: "default" },
        { binding: "ADMIN", service: "other", entrypoint: "Admin", props: { role: "editor" } },
      ],
      ratelimits: [{ name: "LIMITER", namespace_id: "1001", simple: { limit: 20, period: 60 } }],
      unsafe: {
        bindings: [
          { name: "OLD_LIMITER", type: "ratelimit", namespace_id: "1002", simple: { limit: 5, period: 10 } },
        ],
      },
      version_metadata: { binding: "CF_VERSION_METADATA" },
    });
    expect(Object.fromEntries(bindings)).toEqual(all);
    expect(warnings).toEqual([]);
  });

  test("are read as wrangler writes them, in TOML", async () => {
    const { bindings, warnings } = await project(`
      name = "shop"
      main = "src/index.ts"
      compatibility_date = "2026-01-01"
      [[kv_namespaces]]
      binding = "KV"
      [[kv_namespaces]]
      binding = "SESSIONS"
      id = "sessions"
      [[r2_buckets]]
      binding = "FILES"
      [[r2_buckets]]
      binding = "PICTURES"
      bucket_name = "pictures"
      [[services]]
      binding = "OTHER"
      service = "other"
      [[services]]
      binding = "ADMIN"
      service = "other"
      entrypoint = "Admin"
      props = { role = "editor" }
      [[ratelimits]]
      name = "LIMITER"
      namespace_id = "1001"
      [ratelimits.simple]
      limit = 20
      period = 60
      [[unsafe.bindings]]
      name = "OLD_LIMITER"
      type = "ratelimit"
      namespace_id = "1002"
      simple = { limit = 5, period = 10 }
      [version_metadata]
      binding = "CF_VERSION_METADATA"
    `);
    expect(Object.fromEntries(bindings)).toEqual(all);
    expect(warnings).toEqual([]);
  });

  test("are not inherited by an environment, which is said", async () => {
    const manifest = {
      kv_namespaces: [{ binding: "KV" }],
      services: [{ binding: "OTHER", service: "other" }],
      ratelimits: [],
      env: { staging: { services: [] }, live: { kv_namespaces: [{ binding: "LIVE", id: "live" }] } },
    };
    const staging = await project(manifest, "staging");
    expect([...staging.bindings]).toEqual([]);
    expect(staging.warnings).toEqual([
      "kv_namespaces is not inherited by env.staging; write it there if it is wanted.",
    ]);
    const live = await project(manifest, "live");
    expect([...live.bindings]).toEqual([["LIVE", { kind: "kv", namespace: "live" }]]);
    expect((await project(manifest)).bindings.size).toBe(2);
  });

  test("of databases are called by the manifest's names before Cloudflare's ids, and by nothing for a placeholder", async () => {
    const { bindings, databases } = await project({
      d1_databases: [
        { binding: "NAMED", database_name: "shop", database_id: "0b9e1a2c", preview_database_id: "x" },
        { binding: "BY_ID", database_id: "other", migrations_dir: "sql", migrations_table: "done" },
        { binding: "OWN" },
      ],
      hyperdrive: [
        { binding: "WIRE", id: "shop" },
        { binding: "TUTORIAL", id: "<YOUR_HYPERDRIVE_ID>" },
      ],
    });
    expect([...bindings]).toEqual([
      ["NAMED", { kind: "database", database: "shop" }],
      ["BY_ID", { kind: "database", database: "other" }],
      ["OWN", { kind: "database", database: undefined }],
      ["WIRE", { kind: "hyperdrive", database: "shop" }],
      ["TUTORIAL", { kind: "hyperdrive", database: undefined }],
    ]);
    expect(databases).toEqual([
      { binding: "NAMED", database: "shop", migrationsDir: "migrations", migrationsTable: "d1_migrations" },
      { binding: "BY_ID", database: "other", migrationsDir: "sql", migrationsTable: "done" },
      { binding: "OWN", migrationsDir: "migrations", migrationsTable: "d1_migrations" },
    ]);
  });

  const warned: [manifest: object, warning: string][] = [
    [
      { services: [{ binding: "OTHER", service: "other", environment: "staging" }] },
      "environment of services has no effect.",
    ],
    [{ r2_buckets: [{ binding: "B", jurisdiction: "eu" }] }, "jurisdiction of r2_buckets has no effect."],
    [
      { hyperdrive: [{ binding: "HD", id: "shop", localConnectionString: "postgres://localhost" }] },
      "localConnectionString of hyperdrive has no effect.",
    ],
    [
      { unsafe: { bindings: [{ name: "ODD", type: "odd" }] } },
      "ODD of unsafe.bindings is not supported; the worker runs without it.",
    ],
    [{ unsafe: { metadata: { a: 1 } } }, "unsafe.metadata is not supported; the worker runs without it."],
  ];
  for (const [manifest, warning] of warned) {
    test(`with ${JSON.stringify(manifest)} give a warning`, async () => {
      expect((await project(manifest)).warnings).toEqual([warning]);
    });
  }

  const refused: [what: string, manifest: object, says: string][] = [
    [
      "one name for two of a kind",
      { kv_namespaces: [{ binding: "A" }, { binding: "A", id: "b" }] },
      "A is twice in kv_namespaces",
    ],
    [
      "one name for two kinds",
      { kv_namespaces: [{ binding: "A" }], r2_buckets: [{ binding: "A" }] },
      "A is in kv_namespaces and in r2_buckets",
    ],
    [
      "a name that the static files have",
      { assets: { directory: "src", binding: "A" }, kv_namespaces: [{ binding: "A" }] },
      "A is in kv_namespaces and in assets",
    ],
    [
      "a name that a var has",
      { vars: { A: "1" }, version_metadata: { binding: "A" } },
      "A is in vars and in version_metadata",
    ],
    [
      "a name that is none",
      { kv_namespaces: [{ binding: "my-kv" }] },
      "kv_namespaces.0.binding: a binding's name",
    ],
    ["a service without a worker", { services: [{ binding: "A" }] }, "services.0.service: Invalid input"],
    [
      "a rate limit of another period",
      { ratelimits: [{ name: "A", namespace_id: "1", simple: { limit: 1, period: 30 } }] },
      "ratelimits.0.simple.period: Invalid input",
    ],
    [
      "an old rate limit of another period",
      {
        unsafe: {
          bindings: [{ name: "A", type: "ratelimit", namespace_id: "1", simple: { limit: 1, period: 30 } }],
        },
      },
      "unsafe.bindings.0.simple.period: Invalid input",
    ],
  ];
  for (const [what, manifest, says] of refused) {
    test(`are refused for ${what}`, async () => {
      const thrown = await project(manifest).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (!isOpenWorkersError(thrown, "INVALID_MANIFEST")) throw new Error(`it gave ${thrown}`);
      expect(thrown.message).toContain(says);
    });
  }
});
