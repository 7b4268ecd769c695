import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Binding, type BucketId, type KvNamespaceId, newId } from "@openworkers/core";
import { createResource, ensureOperator, SecretKeys } from "@openworkers/db";
import { withTestDatabase } from "@openworkers/db/testing";
import { noMeter } from "../cells/byte-meter.ts";
import { testTarget } from "../cells/testing/test-cells.ts";
import { unmetered } from "../subrequests/budget.ts";
import { Broker } from "./broker.ts";
import { maxOpenBodies } from "./open-bodies.ts";
import { DatabaseShares } from "./shares/database-shares.ts";

const parts = new AsyncDisposableStack();
let sockets: { readonly broker: string; readonly exact: string };
beforeAll(async () => {
  const { database } = parts.use(await withTestDatabase());
  const directory = mkdtempSync(join(tmpdir(), "ow-whole-"));
  parts.defer(() => rmSync(directory, { recursive: true }));
  const { id: by } = await ensureOperator(database);
  const namespaceId: KvNamespaceId = await createResource(database, "kv", { name: "whole", by });
  const bucketId: BucketId = await createResource(database, "storage", { name: "whole", by });
  const shares = parts.use(new DatabaseShares(database));
  const secretKeys = await SecretKeys.load({ directory: mkdtempSync(join(directory, "keys-")) });
  const forWorker = async ({ target }: { readonly target: string }) => ({
    status: 200,
    head: "HTTP/1.1 200 OK\r\nContent-Length: 4",
    body: target === "/large" ? large() : Buffer.from("file"),
  });
  const assets = { forWorker: (_: unknown, asked: { readonly target: string }) => forWorker(asked) };
  const broker = parts.use(
    Broker.of({ database, shares, secretKeys, assets: assets as never, report: () => {} }),
  );
  const bindings = new Map<string, Binding>([
    ["KV", { kind: "kv", namespaceId }],
    ["BUCKET", { kind: "storage", bucketId }],
    ["ASSETS", { kind: "assets" }],
  ]);
  const cell = { target: testTarget, bindings, budget: unmetered, meter: noMeter };
  sockets = { broker: join(directory, newId()), exact: join(directory, newId()) };
  parts.use(broker.listen(sockets.broker, () => cell));
  parts.use(await broker.listenExactly(sockets.exact, () => cell));
});
afterAll(() => parts.disposeAsync());

/** More than sockets hold. */
async function* large(): AsyncGenerator<Uint8Array> {
  for (let chunk = 0; chunk < 40; chunk++) yield new Uint8Array(256 * 1_024);
}

const ask = (binding: string, path: string, { headers, ...init }: Asked) =>
  fetch(`http://broker${path}`, {
    ...init,
    unix: binding === "BUCKET" ? sockets.exact : sockets.broker,
    headers: { ...headers, "x-ow-binding": binding },
  });

type Asked = { readonly headers?: Record<string, string>; readonly method?: string; readonly body?: string };

test("what is in memory comes with its length, and waits for none of the large bodies that nobody reads", async () => {
  const unread = await Promise.all(Array.from({ length: maxOpenBodies }, () => ask("ASSETS", "/large", {})));
  const storage = (asked: Record<string, unknown>) => ({
    headers: { "cf-r2-request": JSON.stringify(asked) },
  });
  const all: [string, string, Asked][] = [
    ["KV", "/?key_count_limit=5", {}],
    ["KV", "/bulk/get", { method: "POST", body: '{"keys":["a","b"]}' }],
    ["BUCKET", "/", storage({ method: "list" })],
    ["ASSETS", "/file", {}],
  ];
  for (const [binding, path, asked] of all) {
    const response = await ask(binding, path, asked);
    const { byteLength } = await response.arrayBuffer();
    expect(byteLength).toBeGreaterThan(0);
    expect([response.status, response.headers.get("content-length")]).toEqual([200, String(byteLength)]);
  }
  await Promise.all(unread.map(({ body }) => body?.cancel()));
});
