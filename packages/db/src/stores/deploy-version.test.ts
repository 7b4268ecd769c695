import { describe, expect, test } from "bun:test";
import { type EnvValue, maxScriptBytes } from "@openworkers/core";
import { listAudit } from "./audit.ts";
import { deployVersion } from "./deploy-version.ts";
import { createDeployment, listDeployments, rollback } from "./deployments.ts";
import { loadProgram } from "./programs.ts";
import { listRoutes } from "./routes.ts";
import { loadRouting } from "./routing.ts";
import { codeOf, count, platform, rejection } from "./testing/fixtures.ts";
import { getWorker, listWorkers } from "./workers.ts";

/** What is live: percent by version number. */
async function live(
  database: Parameters<typeof loadRouting>[0],
  worker: string,
): Promise<Record<number, number>> {
  const routing = await loadRouting(database);
  const found = routing.workers.find((candidate) => candidate.worker === worker);
  return Object.fromEntries(found?.versions.map(({ version, percent }) => [version, percent]) ?? []);
}

describe("a deploy", () => {
  test("keeps the hosts that the version may ask, and an empty list as one", async () => {
    await using fixture = await platform();
    for (const allow of [["api.example.com", "*.example.org"], []]) {
      const { versionId, workerId } = await fixture.deploy("hello", { egress: { allow } });
      expect((await loadProgram(fixture.database, versionId, workerId)).egress).toEqual({ allow });
    }
  });

  test("makes the worker, a version and a deployment, and gives back what it was given", async () => {
    await using fixture = await platform();
    const code = {
      modules: [
        { name: "index.js", type: "esModule", content: Buffer.from("import './lib/add.wasm'") },
        { name: "lib/add.wasm", type: "wasm", content: new Uint8Array([0, 97, 115, 109, 255]) },
        { name: "note.txt", type: "text", content: new Uint8Array() },
      ],
      compatibilityDate: "2026-11-01",
      compatibilityFlags: ["nodejs_compat", 'odd "flag", {}'],
      sourceMaps: new Map([["index.js", Buffer.from('{"version":3}')]]),
    } as const;
    const vars = new Map<string, EnvValue>([
      ["GREETING", { kind: "text", value: "it's; drop table users --" }],
      ["CONFIG", { kind: "json", value: '{"a":[1,null]}' }],
    ]);
    const deployed = await deployVersion(fixture.database, {
      worker: "hello",
      by: fixture.ada,
      code,
      vars,
      message: "first",
    });
    expect(deployed.version).toBe(1);
    const program = await loadProgram(fixture.database, deployed.versionId, deployed.workerId);
    expect(
      program.code.modules.map(({ name, type, content }) => ({ name, type, content: Buffer.from(content) })),
    ).toEqual(code.modules.map((module) => ({ ...module, content: Buffer.from(module.content) })));
    expect(program.code.compatibilityFlags).toEqual(code.compatibilityFlags);
    expect(program.code.compatibilityDate).toBe(code.compatibilityDate);
    expect(program.code.sourceMaps).toEqual(code.sourceMaps);
    expect(program.vars).toEqual(vars);
    expect(program.egress.allow).toBeUndefined();
    expect(program.environment).toBeUndefined();
    expect(await listAudit(fixture.database, { subject: "hello" })).toMatchObject([
      { action: "worker.deploy", user: "ada", details: { version: 1, percent: 100 } },
      { action: "worker.create", user: "ada" },
    ]);
  });

  test("at the same time as others of the same new worker is one version each, and the newest is live", async () => {
    await using fixture = await platform();
    const deployed = await Promise.all(
      Array.from({ length: 8 }, (_, index) => fixture.deploy("hello", { code: codeOf(`${index}`) })),
    );
    expect(deployed.map(({ version }) => version).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(new Set(deployed.map(({ workerId }) => workerId)).size).toBe(1);
    expect(await live(fixture.database, "hello")).toEqual({ 8: 100 });
  });

  test("of the same content stores it once, for whatever worker", async () => {
    await using fixture = await platform();
    const code = codeOf("shared", "map");
    await Promise.all(["one", "two", "three"].map((worker) => fixture.deploy(worker, { code })));
    expect(await count(fixture.database, "blobs")).toBe(2);
    expect(await count(fixture.database, "worker_versions")).toBe(3);
  });

  test("with a share splits with the version that had most, and takes all without one", async () => {
    await using fixture = await platform();
    const deploy = (percent?: number) => fixture.deploy("hello", percent === undefined ? {} : { percent });
    expect(await rejection(deploy(10))).toMatchObject({ code: "INVALID_INPUT" });
    expect(await count(fixture.database, "workers")).toBe(0);
    await deploy();
    await deploy(10);
    expect(await live(fixture.database, "hello")).toEqual({ 1: 90, 2: 10 });
    await deploy(60);
    expect(await live(fixture.database, "hello")).toEqual({ 1: 40, 3: 60 });
    await deploy(5);
    expect(await live(fixture.database, "hello")).toEqual({ 3: 95, 4: 5 });
    await deploy();
    expect(await live(fixture.database, "hello")).toEqual({ 5: 100 });
    for (const percent of [0, 101, 0.5, -1, Number.NaN]) {
      expect(await rejection(deploy(percent))).toMatchObject({ code: "INVALID_INPUT" });
    }
  });

  test("that fails leaves nothing behind", async () => {
    await using fixture = await platform();
    const by = fixture.operator;
    await fixture.deploy("first", { by, routes: ["example.com/api/*"] });
    const before = await count(fixture.database, "blobs");
    const clash = fixture.deploy("second", {
      by,
      code: codeOf("second"),
      routes: ["free.example.com/", "example.com/api/*"],
    });
    expect(await rejection(clash)).toMatchObject({ code: "CONFLICT" });
    expect(await count(fixture.database, "blobs")).toBe(before);
    expect((await listWorkers(fixture.database)).map(({ name }) => name)).toEqual(["first"]);
    expect((await listRoutes(fixture.database)).map(({ pattern }) => pattern)).toEqual(["example.com/api/*"]);
  });

  test("of somebody else's worker is refused, except to an operator", async () => {
    await using fixture = await platform();
    await fixture.deploy("hello");
    expect(await rejection(fixture.deploy("hello", { by: fixture.bob }))).toMatchObject({
      code: "FORBIDDEN",
    });
    expect((await fixture.deploy("hello", { by: fixture.operator })).version).toBe(2);
    expect(await getWorker(fixture.database, "hello")).toMatchObject({ owner: "ada", lastVersion: 2 });
  });

  const refused: [
    string,
    Parameters<Awaited<ReturnType<typeof platform>>["deploy"]>[1] & { worker?: string },
    string,
  ][] = [
    ["without a module", { code: { ...codeOf(""), modules: [] } }, "INVALID_INPUT"],
    [
      "with two modules of one name",
      { code: { ...codeOf(""), modules: [...codeOf("a").modules, ...codeOf("b").modules] } },
      "INVALID_INPUT",
    ],
    [
      "with a source map for no module",
      { code: { ...codeOf(""), sourceMaps: new Map([["x.js", Buffer.from("{}")]]) } },
      "INVALID_INPUT",
    ],
    ["of more than the largest script", { code: codeOf("x".repeat(maxScriptBytes + 1)) }, "SCRIPT_TOO_LARGE"],
    [
      "with a date that is none",
      { code: { ...codeOf(""), compatibilityDate: "2026-13-01" } },
      "INVALID_INPUT",
    ],
    ["with a limit above the platform's", { limits: { cpuMs: 60_000 } }, "INVALID_LIMIT"],
    ["into an environment that is not there", { environment: "nowhere" }, "NOT_FOUND"],
    ["with a route that is none", { routes: ["example.com/*/x"] }, "INVALID_INPUT"],
    ["with a host name that is none", { domains: ["exa mple.com"] }, "INVALID_INPUT"],
    ["under a reserved name", { worker: "api" }, "INVALID_NAME"],
    ["under a name with SQL in it", { worker: "x'); drop table workers; --" }, "INVALID_NAME"],
  ];
  test("of what the platform cannot run is refused and leaves no worker", async () => {
    await using fixture = await platform();
    for (const [what, { worker = "hello", ...input }, code] of refused) {
      const thrown = await rejection(fixture.deploy(worker, input));
      expect({ what, thrown }).toMatchObject({ what, thrown: { code } });
    }
    expect(await count(fixture.database, "workers")).toBe(0);
  });

  test("of the largest script is stored and loaded whole", async () => {
    await using fixture = await platform();
    const content = Buffer.alloc(maxScriptBytes, "0123456789abcdef");
    const { versionId, workerId } = await fixture.deploy("hello", {
      code: { ...codeOf(""), modules: [{ name: "big.wasm", type: "wasm", content }] },
    });
    const program = await loadProgram(fixture.database, versionId, workerId);
    expect(Buffer.compare(program.code.modules[0]?.content ?? new Uint8Array(), content)).toBe(0);
  });
});

describe("a deployment", () => {
  test("gives existing versions the shares it names", async () => {
    await using fixture = await platform();
    for (const text of ["one", "two", "three"]) await fixture.deploy("hello", { code: codeOf(text) });
    const versions = new Map([
      [1, 20],
      [2, 30],
      [3, 50],
    ]);
    await createDeployment(fixture.database, { worker: "hello", versions, by: fixture.ada });
    expect(await live(fixture.database, "hello")).toEqual({ 1: 20, 2: 30, 3: 50 });
    const bad = new Map([[1, 99]]);
    expect(
      await rejection(
        createDeployment(fixture.database, { worker: "hello", versions: bad, by: fixture.ada }),
      ),
    ).toMatchObject({ code: "INVALID_INPUT" });
    const missing = new Map([[9, 100]]);
    expect(
      await rejection(
        createDeployment(fixture.database, { worker: "hello", versions: missing, by: fixture.ada }),
      ),
    ).toMatchObject({ code: "NOT_FOUND" });
  });

  test("rolled back is followed by a new one of the version before", async () => {
    await using fixture = await platform();
    await fixture.deploy("hello", { code: codeOf("one") });
    expect(await rejection(rollback(fixture.database, { worker: "hello", by: fixture.ada }))).toMatchObject({
      code: "NOT_FOUND",
    });
    await fixture.deploy("hello", { code: codeOf("two") });
    await fixture.deploy("hello", { code: codeOf("three") });
    expect(await rollback(fixture.database, { worker: "hello", by: fixture.ada, message: "oops" })).toBe(2);
    expect(await live(fixture.database, "hello")).toEqual({ 2: 100 });
    expect(await rollback(fixture.database, { worker: "hello", version: 1, by: fixture.ada })).toBe(1);
    const deployments = await listDeployments(fixture.database, "hello");
    expect(deployments.map(({ versions }) => versions.map(({ version }) => version))).toEqual([
      [1],
      [2],
      [3],
      [2],
      [1],
    ]);
    expect(deployments.map((deployment) => deployment.live)).toEqual([true, false, false, false, false]);
    expect(await rejection(rollback(fixture.database, { worker: "hello", by: fixture.bob }))).toMatchObject({
      code: "FORBIDDEN",
    });
  });
});
