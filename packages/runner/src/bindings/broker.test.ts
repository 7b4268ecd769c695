import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Binding,
  type BindingKind,
  defaultLimits,
  type KvNamespaceId,
  newId,
  OpenWorkersError,
} from "@openworkers/core";
import { noMeter } from "../cells/byte-meter.ts";
import type { Target } from "../cells/target.ts";
import { CellBudget, type SubrequestBudget, unmetered } from "../subrequests/budget.ts";
import { Broker } from "./broker.ts";
import { maxOpenBodies } from "./open-bodies.ts";
import type { BindingHandler } from "./plugin.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ow-broker-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const target: Target = {
  workerId: newId(),
  worker: "hello",
  versionId: newId(),
  version: 1,
  environmentRevision: 0,
  limits: defaultLimits,
};

const namespaceId = newId<"kv-namespace">();
const bindings = new Map<string, Binding>([["KV", { kind: "kv", namespaceId }]]);

/** A broker whose KV bindings are answered by `serve`, and a client of it. */
function rig(serve: BindingHandler<"kv">["serve"], granted = true, budget: SubrequestBudget = unmetered) {
  const reports: string[] = [];
  const handlers = new Map<BindingKind, BindingHandler>([["kv", { serve } as BindingHandler]]);
  const broker = new Broker({ handlers, report: (message) => reports.push(message) });
  const path = join(directory, newId());
  const caller = { target, bindings, budget, meter: noMeter };
  const listener = broker.listen(path, () => (granted ? caller : undefined));
  return {
    reports,
    ask: (name: string) => fetch("http://broker/key", { unix: path, headers: { "x-ow-binding": name } }),
    [Symbol.dispose]: () => listener[Symbol.dispose](),
  };
}

test("a granted binding is answered by its kind's handler, for the cell of the socket", async () => {
  const seen: (KvNamespaceId | string)[] = [];
  using it = rig(async (request, binding, caller) => {
    seen.push(new URL(request.url).pathname, binding.namespaceId, caller.target.worker);
    return new Response("value");
  });
  expect(await (await it.ask("KV")).text()).toBe("value");
  expect(seen).toEqual(["/key", namespaceId, "hello"]);
});

test("a name that was not granted is refused, and so is everything before anything was granted", async () => {
  const serve = async () => new Response("value");
  using it = rig(serve);
  using blank = rig(serve, false);
  for (const response of [await it.ask("OTHER"), await it.ask("__proto__"), await blank.ask("KV")]) {
    expect(response.status).toBe(403);
  }
});

test("what is asked through bindings counts as subrequests of the requests in flight", async () => {
  const budget = new CellBudget({ subrequests: 2, subrequestConcurrency: 1, concurrency: 1 });
  budget.open(newId());
  using it = rig(async () => new Response("value"), true, budget);
  const statuses = [];
  for (let count = 0; count < 3; count++) statuses.push((await it.ask("KV")).status);
  expect(statuses).toEqual([200, 200, 429]);
  const refused = await it.ask("KV");
  expect(refused.headers.get("x-ow-error")).toBe("SUBREQUEST_LIMIT");
  expect(await refused.text()).toContain("a request may make 2 (limits.subrequests)");
});

test("an error that is the worker's reaches it; any other is the operator's to read", async () => {
  using wrong = rig(async () => {
    throw new OpenWorkersError("INVALID_INPUT", "The key is too long.");
  });
  const told = await wrong.ask("KV");
  expect([told.status, told.headers.get("x-ow-error")]).toEqual([400, "INVALID_INPUT"]);
  expect(await told.text()).toBe("The key is too long.");
  using broken = rig(async () => {
    throw new Error("password=hunter2");
  });
  const silent = await broken.ask("KV");
  expect(silent.status).toBe(500);
  expect(await silent.text()).not.toContain("hunter2");
  expect(broken.reports).toEqual(["A binding failed."]);
  using away = rig(async () => {
    throw new OpenWorkersError("DATABASE_UNAVAILABLE", "Cannot use openworkers on db.internal:5432.");
  });
  const failed = await away.ask("KV");
  expect([failed.status, failed.headers.get("x-ow-error")]).toEqual([503, "DATABASE_UNAVAILABLE"]);
  expect(await failed.text()).not.toContain("db.internal");
  expect(away.reports).toEqual(["A binding failed."]);
});

test("no more large bodies are on their way to a cell than it may have, and each that ends lets one more out", async () => {
  let made = 0;
  const chunk = new Uint8Array(256 * 1_024);
  using it = rig(async () => {
    made += 1;
    let chunks = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (chunks++ < 40) controller.enqueue(chunk);
        else controller.close();
      },
    });
    return new Response(body);
  });
  const count = maxOpenBodies + 20;
  let begun = 0;
  const asked = Array.from({ length: count }, async () => {
    const response = await it.ask("KV");
    begun += 1;
    return response;
  });
  while (begun < maxOpenBodies || made < count) await Bun.sleep(2);
  // Those that wait would have begun with the others.
  await Bun.sleep(50);
  expect(begun).toBe(maxOpenBodies);
  const sizes = await Promise.all(asked.map(async (each) => (await (await each).bytes()).byteLength));
  expect(sizes).toEqual(Array(count).fill(40 * chunk.byteLength));
});
