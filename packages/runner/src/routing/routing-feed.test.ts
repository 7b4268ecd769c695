import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  type EnvValue,
  generateSealingKey,
  isOpenWorkersError,
  open,
  parseSealingKey,
  type SealingKey,
  type UserId,
} from "@openworkers/core";
import {
  addDomain,
  changeValues,
  createDeployment,
  Database,
  deleteWorker,
  deployVersion,
  ensureOperator,
  ensureWorkerEnvironment,
  parseAddress,
  type StoredProgram,
} from "@openworkers/db";
import { type TestServer, withTestServer } from "@openworkers/db/testing";
import type { Target } from "../cells/target.ts";
import { ProgramCache, type ProgramCacheOptions } from "./program-cache.ts";
import { RoutingFeed, type RoutingFeedOptions } from "./routing-feed.ts";

let server: TestServer;
let database: Database;
let by: UserId;
let key: SealingKey;

beforeAll(async () => {
  server = await withTestServer({ max: 4 });
  ({ database } = server);
  by = (await ensureOperator(database)).id;
  key = await parseSealingKey(await generateSealingKey());
  await database.write((queries) =>
    queries.insertInto("sealing_keys").values({ id: key.id, public_key: key.publicKey }).execute(),
  );
});
afterAll(() => server[Symbol.asyncDispose]());

function deploy(
  worker: string,
  source = "export default {}",
  more: { percent?: number; routes?: string[] } = {},
) {
  return deployVersion(database, {
    worker,
    by,
    code: {
      modules: [{ name: "index.js", type: "esModule", content: Buffer.from(source) }],
      compatibilityDate: "2026-06-01",
      compatibilityFlags: [],
      sourceMaps: new Map(),
    },
    ...more,
  });
}

/** A feed, and a way to wait for a change of it. */
async function startFeed(options: Partial<RoutingFeedOptions> = {}) {
  let turns: (() => void)[] = [];
  const added: Target[] = [];
  const reports: string[] = [];
  const feed = await RoutingFeed.start({
    database,
    baseDomain: "localhost",
    onChange: (targets) => {
      added.push(...targets);
      const waiting = turns;
      turns = [];
      for (const turn of waiting) turn();
    },
    report: (message) => reports.push(message),
    ...options,
  });
  const until = async (predicate: () => boolean) => {
    while (!predicate()) await new Promise<void>((resolve) => turns.push(resolve));
  };
  const at = (hostname: string, target = "/") => {
    const resolved = feed.resolve({ hostname, target, versionKey: undefined });
    return resolved instanceof Promise ? undefined : resolved;
  };
  return { feed, added, reports, until, at, [Symbol.asyncDispose]: () => feed[Symbol.asyncDispose]() };
}

function programs(options: Partial<ProgramCacheOptions> = {}): ProgramCache {
  return new ProgramCache({
    database,
    open: (stored) => opened(stored, [key]),
    report: () => {},
    ...options,
  });
}

async function opened(
  { environment }: StoredProgram,
  keys: readonly SealingKey[],
): Promise<Map<string, EnvValue>> {
  const env = new Map<string, EnvValue>();
  for (const stored of environment?.values ?? []) {
    if (stored.kind !== "secret" || environment === undefined) continue;
    const value = await open(keys, stored.sealed, { environmentId: environment.id, name: stored.name });
    env.set(stored.name, { kind: "text", value });
  }
  return env;
}

const never = new AbortController().signal;
const sourceOf = async (cache: ProgramCache, target: Target) =>
  Buffer.from((await cache.load(target, never)).code.modules[0]?.content ?? []).toString();

test("what is deployed before and after the start is served, by its newest version", async () => {
  await deploy("before");
  await using rig = await startFeed();
  expect(rig.at("before.localhost")?.version).toBe(1);
  expect(rig.feed.state).toEqual({ fresh: true, staleSince: undefined });
  await deploy("after");
  await rig.until(() => rig.at("after.localhost") !== undefined);
  await deploy("after");
  await rig.until(() => rig.at("after.localhost")?.version === 2);
  expect(rig.added.filter(({ worker }) => worker === "after").map(({ version }) => version)).toEqual([1, 2]);
});

test("domains, routes, shares, values and a deletion are all heard of", async () => {
  await using rig = await startFeed();
  await deploy("many");
  await rig.until(() => rig.at("many.localhost") !== undefined);
  await addDomain(database, { worker: "many", hostname: "many.example", by });
  await rig.until(() => rig.at("many.example") !== undefined);
  await deploy("many", "export default { }", { routes: ["other.example/api/*"], percent: 10 });
  await rig.until(() => rig.at("other.example", "/api/x") !== undefined);
  expect([...rig.feed.table.targets()].filter(({ worker }) => worker === "many")).toHaveLength(2);
  const live = rig.at("1--many.localhost");
  if (live === undefined) throw new Error("not live");
  const environmentId = await ensureWorkerEnvironment(database, { worker: "many", by });
  await changeValues(database, { environmentId, by, set: [{ name: "A", kind: "var", value: "1" }] });
  await rig.until(() => !rig.feed.isLive(live));
  await deleteWorker(database, { worker: "many", by });
  await rig.until(() => rig.at("many.localhost") === undefined);
  expect([rig.at("many.example"), rig.at("other.example", "/api/x")]).toEqual([undefined, undefined]);
});

test("a version that is not live is previewed, under its worker's present environment", async () => {
  await using rig = await startFeed();
  await deploy("previewed", "export default 1");
  await deploy("previewed", "export default 2");
  await rig.until(() => rig.at("previewed.localhost")?.version === 2);
  const query = { hostname: "1--previewed.localhost", target: "/", versionKey: undefined };
  const first = await rig.feed.resolve(query);
  if (first === undefined) throw new Error("no preview");
  expect(first.version).toBe(1);
  expect(rig.feed.isLive(first)).toBe(true);
  expect(await rig.feed.resolve({ ...query, hostname: "3--previewed.localhost" })).toBeUndefined();
  await deploy("previewed", "export default 3");
  await rig.until(() => rig.at("previewed.localhost")?.version === 3);
  const environmentId = await ensureWorkerEnvironment(database, { worker: "previewed", by });
  await changeValues(database, { environmentId, by, set: [{ name: "A", kind: "var", value: "1" }] });
  await rig.until(() => (rig.at("previewed.localhost")?.environmentRevision ?? 0) > 0);
  expect(rig.feed.isLive(first)).toBe(false);
  expect((await rig.feed.resolve(query))?.environmentRevision).toBeGreaterThan(0);
});

/** Hears nothing, like a listener behind a pooler that drops notifications. */
class DeafDatabase extends Database {
  override async listen(): Promise<AsyncDisposable> {
    return { [Symbol.asyncDispose]: async () => {} };
  }
}

test("a change that no notification told of is found by the next look at everything", async () => {
  await deploy("quiet");
  await using deaf = new DeafDatabase(parseAddress(server.url), { max: 1 });
  await using rig = await startFeed({ database: deaf, resyncMs: 50 });
  await deploy("quiet");
  await rig.until(() => rig.at("quiet.localhost")?.version === 2);
});

test("a burst of deploys ends with the last of them served", async () => {
  await using rig = await startFeed();
  const names = Array.from({ length: 40 }, (_, i) => `burst-${i}`);
  await Promise.all(names.map((name) => deploy(name)));
  await rig.until(() => names.every((name) => rig.at(`${name}.localhost`) !== undefined));
});

test("an earlier version that is made live again is served again", async () => {
  await using rig = await startFeed();
  await deploy("turned");
  await deploy("turned");
  await rig.until(() => rig.at("turned.localhost")?.version === 2);
  await createDeployment(database, { worker: "turned", by, versions: new Map([[1, 100]]) });
  await rig.until(() => rig.at("turned.localhost")?.version === 1);
});

test("a secret is given to the program opened, and a change of it is never missed", async () => {
  await using rig = await startFeed();
  await deploy("secretive");
  const environmentId = await ensureWorkerEnvironment(database, { worker: "secretive", by });
  const cache = programs();
  for (const value of ["one", "two"]) {
    const revision = await changeValues(database, {
      environmentId,
      by,
      set: [{ name: "TOKEN", kind: "secret", value }],
    });
    await rig.until(() => rig.at("secretive.localhost")?.environmentRevision === revision);
    const target = rig.at("secretive.localhost");
    if (target === undefined) throw new Error("not live");
    expect((await cache.load(target, never)).env.get("TOKEN")).toEqual({ kind: "text", value });
  }
  const target = rig.at("secretive.localhost");
  if (target === undefined) throw new Error("not live");
  const keyless = programs({ open: (stored) => opened(stored, []) });
  expect(keyless.load(target, never)).rejects.toMatchObject({ code: "SECRET_UNREADABLE" });
});

test("a program is read once for all who wait for it, and one who stops waiting stops nobody else", async () => {
  await using rig = await startFeed();
  await deploy("shared");
  await rig.until(() => rig.at("shared.localhost") !== undefined);
  const target = rig.at("shared.localhost");
  if (target === undefined) throw new Error("not live");
  const cache = programs();
  const impatient = new AbortController();
  const [left, stayed] = [cache.load(target, impatient.signal), cache.load(target, never)];
  impatient.abort();
  expect(left).rejects.toThrow();
  const program = await stayed;
  expect(await cache.load(target, never)).toBe(program);
});

test("the cache keeps to its size, and gives up what was used longest ago", async () => {
  await using rig = await startFeed();
  const names = ["size-a", "size-b", "size-c"];
  for (const name of names) await deploy(name, `//${name}${"x".repeat(10_000)}`);
  await rig.until(() => names.every((name) => rig.at(`${name}.localhost`) !== undefined));
  const cache = programs({ maxBytes: 25_000 });
  const [a, b, c] = names.map((name) => rig.at(`${name}.localhost`));
  if (a === undefined || b === undefined || c === undefined) throw new Error("not live");
  const first = await cache.load(a, never);
  await cache.load(b, never);
  await cache.load(a, never);
  await cache.load(c, never);
  expect(cache.bytes).toBeLessThan(25_000);
  expect(await cache.load(a, never)).toBe(first);
});

test("with the database away all goes on from memory, and heals by itself", async () => {
  await using rig = await startFeed();
  await deploy("steady", "// steady");
  await deploy("unread", "// unread");
  await rig.until(() => rig.at("unread.localhost") !== undefined);
  const cache = programs();
  const [steady, unread] = [rig.at("steady.localhost"), rig.at("unread.localhost")];
  if (steady === undefined || unread === undefined) throw new Error("not live");
  cache.prefetch([steady]);
  while (cache.bytes === 0) await new Promise((resolve) => setImmediate(resolve));
  await server.postgres.stop();
  while (rig.feed.state.fresh) await new Promise((resolve) => setImmediate(resolve));
  expect(rig.feed.state.staleSince).toBeNumber();
  expect(rig.at("steady.localhost")).toBe(steady);
  expect(await sourceOf(cache, steady)).toBe("// steady");
  // A newer revision cannot be read: the old values are served.
  const changed = { ...steady, environmentRevision: steady.environmentRevision + 1 };
  expect(await sourceOf(cache, changed)).toBe("// steady");
  const failure = await cache.load(unread, never).catch((thrown: unknown) => thrown);
  expect(isOpenWorkersError(failure, "DATABASE_UNAVAILABLE")).toBe(true);
  await server.postgres.start();
  await deploy("steady", "// new");
  await rig.until(() => rig.at("steady.localhost")?.version === 2);
  while (!rig.feed.state.fresh) await new Promise((resolve) => setImmediate(resolve));
  expect(await sourceOf(cache, unread)).toBe("// unread");
  expect(rig.reports).toEqual([
    "The database is not listened to; the last routes stay in use.",
    "The database is back, and the routes are up to date.",
  ]);
}, 30_000);
