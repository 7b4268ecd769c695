#!/usr/bin/env bun
/**
 * One gigabyte into a bucket and out of it through a worker, with the memory of the platform and of the cell; and a get
 * of a small object from inside a worker beside the same bytes read with plain SQL. Runs alone:
 *
 *     npx bun bench/src/storage.ts [--megabytes 1024]
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connect, createResource, deployVersion, ensureOperator } from "@openworkers/db";
import { startPlatform } from "@openworkers/e2e/platform";
import { sql } from "kysely";
import { databaseUrl } from "./contenders/openworkers.ts";

const { values } = parseArgs({ options: { megabytes: { type: "string", default: "1024" } } });
const megabytes = Number(values.megabytes);
const mebibyte = 2 ** 20;

await using platform = await startPlatform();
await using database = connect(await databaseUrl(platform.directory));
const { id: by } = await ensureOperator(database);
const bucketId = await createResource(database, "storage", { name: "bench", by });
await deployVersion(database, {
  worker: "storage-bench",
  by,
  code: {
    modules: [
      {
        name: "index.js",
        type: "esModule",
        content: readFileSync(join(import.meta.dir, "../workers/storage.js")),
      },
    ],
    compatibilityDate: "2026-11-01",
    compatibilityFlags: [],
    sourceMaps: new Map(),
  },
  // The most that a platform gives unless its operator says more.
  limits: { cpuMs: 30_000, firstByteMs: 300_000, bodyBytes: 5 * 2 ** 30 },
  bindings: new Map([["BUCKET", { kind: "storage", bucketId }]]),
});
while ((await platform.fetch("storage-bench", "/none?rounds=0")).status === 404) await Bun.sleep(5);

async function watched(label: string, work: () => Promise<void>): Promise<void> {
  const peaks = new Map<string, number>();
  const look = () => {
    for (const [name, bytes] of memory()) peaks.set(name, Math.max(peaks.get(name) ?? 0, bytes));
  };
  const before = memory();
  const timer = setInterval(look, 50);
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1_000;
  clearInterval(timer);
  look();
  const said = [...peaks]
    .map(([name, bytes]) => `${name} ${mb(before.get(name) ?? 0)} → ${mb(bytes)}`)
    .join(", ");
  console.log(
    `${label}: ${seconds.toFixed(1)} s, ${(megabytes / seconds).toFixed(0)} MB/s; resident MB: ${said}`,
  );
}

function mb(bytes: number): string {
  return (bytes / mebibyte).toFixed(0);
}

/** Resident memory of the platform's process and of its largest cell. */
function memory(): Map<string, number> {
  const found = new Map<string, number>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (!isOurs(Number(pid))) continue;
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      const name = command.some((part) => part.endsWith("workerd"))
        ? "cell"
        : command.includes("up")
          ? "platform"
          : undefined;
      const kb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
      if (name !== undefined) found.set(name, Math.max(found.get(name) ?? 0, kb * 1_024));
    } catch {
      // It has ended since the list was read.
    }
  }
  return found;
}

function isOurs(pid: number): boolean {
  for (let at = pid; at > 1; ) {
    if (at === platform.pid) return true;
    at = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${at}/status`, "utf8"))?.[1] ?? 0);
  }
  return false;
}

const chunk = crypto.getRandomValues(new Uint8Array(65_536));
const total = megabytes * mebibyte;
await watched(`put ${megabytes} MB`, async () => {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent >= total) return controller.close();
      controller.enqueue(chunk);
      sent += chunk.byteLength;
    },
  });
  const headers = { "content-length": `${total}` };
  const response = await platform.fetch("storage-bench", "/big", { method: "PUT", body, headers });
  if (!response.ok) throw new Error(`put: ${response.status} ${await response.text()}`);
});
await watched(`get ${megabytes} MB`, async () => {
  const { body } = await platform.fetch("storage-bench", "/big");
  let received = 0;
  for await (const piece of body ?? []) received += piece.byteLength;
  if (received !== total) throw new Error(`get: ${received} bytes of ${total}`);
});

const rounds = 200;
await platform.fetch("storage-bench", "/small", { method: "PUT", body: chunk.subarray(0, 10_000) });
for (let warm = 0; warm < 2; warm++) {
  const start = performance.now();
  await (await platform.fetch("storage-bench", `/small?rounds=${rounds}`)).text();
  if (warm > 0)
    console.log(`get of 10 KB in a worker: ${((performance.now() - start) / rounds).toFixed(2)} ms each`);
}
const start = performance.now();
for (let round = 0; round < rounds; round++) {
  await database.read((queries) =>
    sql`select chunks.bytes from storage_objects objects
        join storage_blobs blobs using (version)
        join storage_chunks chunks on chunks.blob_id = blobs.id
        where objects.key = 'small'`.execute(queries),
  );
}
console.log(`the same with SQL: ${((performance.now() - start) / rounds).toFixed(2)} ms each`);
