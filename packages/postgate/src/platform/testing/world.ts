import {
  type BucketId,
  type DatabaseId,
  type KvNamespaceId,
  newId,
  type QueueId,
  queueConsumerSettings,
  type UserId,
  type WorkerId,
} from "@openworkers/core";
import {
  addCron,
  addDomain,
  changeCron,
  changeValues,
  countDelayed,
  createDatabase,
  createDatabaseToken,
  createDeployment,
  createEnvironment,
  createExternalDatabase,
  createLogToken,
  createResource,
  type Database,
  databaseRow,
  databaseRows,
  delayedBytes,
  delayMessages,
  deleteEnvironment,
  deleteKvEntry,
  deleteResource,
  deleteWorker,
  deployVersion,
  ensureWorkerEnvironment,
  findEnvironment,
  getResource,
  getScheduledEvent,
  getWorker,
  hashOf,
  limitDatabase,
  listAudit,
  listBindings,
  listBucketBackends,
  listCrons,
  listDatabaseTokens,
  listDeployments,
  listDomains,
  listEnvironments,
  listKvEntries,
  listQueueConsumers,
  listQueues,
  listResources,
  listRoutes,
  listScheduledEvents,
  listValues,
  listVersions,
  listWorkers,
  loadAssets,
  markDeleting,
  missingAssets,
  PostgresStore,
  pauseQueue,
  purgeQueue,
  putKvEntry,
  putKvStream,
  readBlob,
  readKvEntries,
  readKvValue,
  removeCron,
  removeDomain,
  removeQueueConsumer,
  renameResource,
  renameWorker,
  revokeDatabaseToken,
  rollback,
  runCron,
  type StoreDatabase,
  setLogRetention,
  setQueueConsumer,
  setRoutes,
  setWorkerEnvironment,
  setWorkerLimits,
  uploadAssets,
  verifyDomain,
} from "@openworkers/db";
import { sql } from "kysely";
import type { Person } from "./people.ts";

/** Something of every kind that somebody can own. */
export interface World {
  readonly worker: WorkerId;
  readonly namespace: KvNamespaceId;
  readonly bucket: BucketId;
  readonly database: DatabaseId;
  readonly queue: QueueId;
}

const bytes = (text: string) => new TextEncoder().encode(text);

/**
 * Makes something of every kind for a person, by the stores, with the person's name in all that can hold it.
 *
 * @param platform as the owner of the tables, which alone says that a domain is proven
 */
export async function makeWorld(
  database: StoreDatabase,
  { id: by, name }: Person,
  platform: StoreDatabase,
): Promise<World> {
  const worker = `${name}-worker`;
  const page = bytes(`page of ${name}`);
  const assets = new Map([[hashOf(page), page]]);
  await missingAssets(database, by, [...assets.keys()]);
  await uploadAssets(database, by, assets);
  const environment = await createEnvironment(database, { name: `${name}-environment`, by });
  const namespace = await createResource(database, "kv", { name: `${name}-kv`, by });
  const bucket = await createResource(database, "storage", { name: `${name}-bucket`, by });
  const queue = await createResource(database, "queue", { name: `${name}-queue`, by });
  const dead = `${name}-dead`;
  await createResource(database, "queue", { name: dead, by });
  const tenant = await createDatabase(database, { name: `${name}-database`, limits: {}, by });
  await createExternalDatabase(database, {
    name: `${name}-external`,
    limits: {},
    by,
    url: `postgres://${name}:secret@db.example.com/app`,
  });
  const deployed = await deployVersion(database, {
    worker,
    by,
    code: {
      compatibilityDate: "2026-01-01",
      compatibilityFlags: [],
      modules: [{ name: "index.js", type: "esModule", content: bytes(`code of ${name}`) }],
      sourceMaps: new Map([["index.js", bytes(`map of ${name}`)]]),
    },
    vars: new Map([["VAR", { kind: "text", value: `var of ${name}` }]]),
    wanted: new Map([
      ["KV", { kind: "kv", namespace: `${name}-kv` }],
      ["BUCKET", { kind: "storage", bucket: `${name}-bucket` }],
      ["DB", { kind: "database", database: `${name}-database` }],
      ["QUEUE", { kind: "queue", queue: `${name}-queue` }],
    ]),
    assets: {
      settings: {
        htmlHandling: "none",
        notFoundHandling: "none",
        runWorkerFirst: false,
        only: false,
        headers: [],
        redirects: [],
      },
      files: [{ path: "/index.html", hash: hashOf(page), size: page.length, contentType: "text/html" }],
    },
    crons: ["0 0 * * *"],
    consumers: [{ queue: `${name}-queue`, settings: queueConsumerSettings({ deadLetterQueue: dead }) }],
    domains: [`${name}.example.com`],
    environment: `${name}-environment`,
  });
  await deployVersion(database, {
    worker: `${name}-other`,
    by,
    code: {
      compatibilityDate: "2026-01-01",
      compatibilityFlags: [],
      modules: [{ name: "index.js", type: "esModule", content: bytes(`code of ${name}`) }],
      sourceMaps: new Map(),
    },
    wanted: new Map([["FRIEND", { kind: "worker", worker }]]),
  });
  await changeValues(database, {
    environmentId: environment,
    set: [
      { name: "PLAIN", kind: "var", value: `value of ${name}` },
      { name: "SECRET", kind: "secret", value: `secret of ${name}` },
      { name: "MORE", kind: "kv", namespace: `${name}-kv` },
      { name: "OTHER", kind: "worker", worker: `${name}-other` },
    ],
    by,
  });
  await changeValues(database, {
    environmentId: environment,
    set: [{ name: "PLAIN", kind: "var", value: `new value of ${name}` }],
    unset: ["MORE"],
    by,
  });
  await addDomain(database, { worker, hostname: `more.${name}.example.com`, by });
  await verifyDomain(platform, { hostname: `${name}.example.com`, by });
  await setRoutes(database, { worker, patterns: [`${name}.example.com/api/*`], by });
  await addCron(database, { worker, expression: "5 5 * * *", by });
  await changeCron(database, { worker, cron: "5 5 * * *", by }, { paused: true });
  await runCron(database, { worker, cron: "5 5 * * *", by });
  await setWorkerLimits(database, { worker, limits: { cpuMs: 50 }, by });
  await setLogRetention(database, { worker, days: 3, by });
  const entry = (key: string) => ({
    namespaceId: namespace,
    key: bytes(key),
    metadata: undefined,
    expiresAt: undefined,
  });
  await putKvEntry(database, entry("small"), bytes(`small value of ${name}`));
  await putKvStream(
    database,
    entry("large"),
    (async function* () {
      for (let part = 0; part < 3; part++) yield new Uint8Array(100_000).fill(part);
    })(),
  );
  const text = `object of ${name}`;
  const store = new PostgresStore(database, bucket);
  await store.put(
    "object",
    { body: new Blob([text]).stream(), size: text.length },
    { http: {}, custom: {}, storageClass: "Standard", checksums: {} },
  );
  await createDatabaseToken(database, { databaseId: tenant, name: `${name}-token`, scope: "owner", by });
  await createLogToken(database, {
    scope: { kind: "worker", workerId: deployed.workerId },
    expiresAt: new Date(Date.now() + 3_600_000),
    by,
  });
  await delayMessages(database, [
    {
      queueId: queue,
      id: newId(),
      attempts: 0,
      sentAt: Date.now(),
      contentType: "text",
      body: bytes(`message of ${name}`),
      delaySeconds: 3_600,
    },
  ]);
  return { worker: deployed.workerId, namespace, bucket, database: tenant, queue };
}

/** Reads all of it, by whatever stores read it. Gives what they gave. */
export async function readWorld(
  database: StoreDatabase,
  { id: by, name }: Person,
  world: World,
): Promise<unknown> {
  const worker = `${name}-worker`;
  const program = await listVersions(database, worker);
  const version = program[0]?.id ?? newId<"version">();
  const [event] = await listScheduledEvents(database, { worker });
  const [, large] = await readKvEntries(database, [
    { namespaceId: world.namespace, key: bytes("small") },
    { namespaceId: world.namespace, key: bytes("large") },
  ]);
  const chunks = [];
  if (large?.valueId) {
    for await (const chunk of readKvValue(database, large.valueId, large.size)) chunks.push(chunk.length);
  }
  const environment = await findEnvironment(database, { name: `${name}-environment`, owner: by });
  const object = await new PostgresStore(database, world.bucket).get("object", {});
  const content =
    object !== undefined && "body" in object ? await new Response(object.body).text() : undefined;
  return [
    program,
    event === undefined ? undefined : await getScheduledEvent(database, event.id),
    large,
    chunks,
    content,
    await getWorker(database, worker),
    await listWorkers(database),
    await listWorkers(database, by),
    await listDeployments(database, worker),
    await listBindings(database, worker),
    await listEnvironments(database),
    await listValues(database, environment),
    await listDomains(database),
    await listDomains(database, worker),
    await listRoutes(database),
    await listCrons(database),
    await listCrons(database, worker),
    await listResources(database, "kv"),
    await listResources(database, "storage"),
    await listResources(database, "database"),
    await listResources(database, "queue"),
    await getResource(database, "kv", { nameOrId: `${name}-kv`, by }),
    await getResource(database, "database", { nameOrId: world.database, by }),
    await listQueues(database),
    await listQueueConsumers(database),
    await listQueueConsumers(database, world.queue),
    await countDelayed(database, world.queue),
    await delayedBytes(database, world.queue),
    await databaseRow(database, world.database),
    await databaseRows(database),
    await listDatabaseTokens(database, world.database),
    await listBucketBackends(database, [world.bucket]),
    await listKvEntries(database, {
      namespaceId: world.namespace,
      prefix: new Uint8Array(),
      after: undefined,
      limit: 10,
    }),
    await loadAssets(database, version),
    await readBlob(database, hashOf(bytes(`page of ${name}`)), 0, 100),
    await listAudit(database),
    await listAudit(database, { subject: worker }),
  ];
}

/** Changes and deletes all of it. */
export async function unmakeWorld(
  database: StoreDatabase,
  { id: by, name }: Person,
  world: World,
): Promise<void> {
  const worker = `${name}-worker`;
  await createDeployment(database, { worker, versions: new Map([[1, 100]]), by });
  await rollback(database, { worker, version: 1, by });
  await renameResource(database, "kv", { nameOrId: `${name}-kv`, name: `${name}-kv2`, by });
  await limitDatabase(database, world.database, { limits: { connections: 3 }, by });
  await pauseQueue(database, { nameOrId: `${name}-queue`, paused: true, by });
  await purgeQueue(database, { nameOrId: `${name}-queue`, by });
  await setQueueConsumer(database, {
    queue: `${name}-dead`,
    worker: `${name}-other`,
    settings: queueConsumerSettings({}),
    by,
  });
  await removeQueueConsumer(database, { queue: `${name}-dead`, by });
  await removeQueueConsumer(database, { queue: `${name}-queue`, by });
  await deleteKvEntry(database, { namespaceId: world.namespace, key: bytes("small") });
  await new PostgresStore(database, world.bucket).delete(["object"]);
  await revokeDatabaseToken(database, { databaseId: world.database, name: `${name}-token`, by });
  await removeCron(database, { worker, cron: "5 5 * * *", by });
  await removeDomain(database, { hostname: `more.${name}.example.com`, by });
  const environment = await ensureWorkerEnvironment(database, { worker, by });
  await changeValues(database, { environmentId: environment, unset: ["OTHER"], by });
  await setWorkerEnvironment(database, { worker, environment: null, by });
  await deleteEnvironment(database, { environmentId: environment, by });
  await deleteWorker(database, { worker: `${name}-other`, by });
  await renameWorker(database, { worker, name: `${name}-renamed`, by });
  await deleteWorker(database, { worker: `${name}-renamed`, by });
  await deleteResource(database, "kv", { nameOrId: `${name}-kv2`, by });
  await deleteResource(database, "storage", { nameOrId: `${name}-bucket`, by });
  await deleteResource(database, "queue", { nameOrId: `${name}-queue`, by });
  await deleteResource(database, "queue", { nameOrId: `${name}-dead`, by });
  await markDeleting(database, { nameOrId: `${name}-database`, by });
  await markDeleting(database, { nameOrId: `${name}-external`, by, keepDump: false });
}

/** What others write: logs of a worker, the dump of a database. */
export async function addRecords(
  database: Database,
  owner: UserId,
  { worker }: World,
  text: string,
): Promise<void> {
  await sql`
    do $$ begin
      create table if not exists logs_20260101 partition of logs for values from ('2026-01-01') to ('2026-01-02');
      create table if not exists invocations_20260101 partition of invocations for values from ('2026-01-01') to ('2026-01-02');
      create table if not exists worker_stats_20260101 partition of worker_stats for values from ('2026-01-01') to ('2026-01-02');
    end $$`.execute(database.kysely);
  await sql`
    insert into logs (time, position, index, worker_id, version_id, version, level, worker, message)
    values ('2026-01-01', 1, 0, ${worker}, ${newId()}, 1, 2, ${text}, ${`log of ${text}`})`.execute(
    database.kysely,
  );
  await sql`
    insert into invocations (time, position, index, worker_id, version_id, request_id, version, status, wall_ms, cpu_ms,
      cold_start, trigger, outcome, worker, method, host, path)
    values ('2026-01-01', 1, 0, ${worker}, ${newId()}, ${newId()}, 1, 200, 1, 1, false, 'fetch', 'ok', ${text}, 'GET', ${text}, '/')
  `.execute(database.kysely);
  await sql`
    insert into worker_stats (worker_id, minute, lines, requests, errors, outcomes, cpu_ms, wall_ms, wall_histogram,
      first_position, last_position)
    values (${worker}, '2026-01-01', 1, 1, 0, '{}', 1, 1, '{}', 1, 1)`.execute(database.kysely);
  await sql`
    insert into database_dumps (id, owner_id, database_name, host, path, size_bytes, expires_at)
    values (${newId()}, ${owner}, ${text}, 'host', '/path', 1, now())`.execute(database.kysely);
}
