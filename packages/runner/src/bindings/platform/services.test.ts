import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { codeForm, type EnvValue, newId, type WorkerCode } from "@openworkers/core";
import { addDomain, deployVersion, listDomains } from "@openworkers/db";
import { sql } from "kysely";
import { resultOf } from "../testing/binding-cells.ts";
import { maxChecks } from "./check.ts";
import { type PlatformRig, platformRig, type TestPerson } from "./testing/platform-rig.ts";

let rig: PlatformRig;
let ada: TestPerson;
let eve: TestPerson;
const records: Record<string, string[][]> = {};
beforeAll(async () => {
  rig = await platformRig({
    resolver: {
      async resolveTxt(name: string) {
        const found = records[name];
        if (found !== undefined) return found;
        throw Object.assign(new Error(`query ${name}`), {
          code: name.includes("broken") ? "ETIMEOUT" : "ENOTFOUND",
        });
      },
    },
  });
  ada = await rig.person("ada");
  eve = await rig.person("eve");
}, 60_000);
afterAll(() => rig[Symbol.asyncDispose]());

async function codeOf(response: Response): Promise<[number, string]> {
  return [response.status, ((await response.json()) as { code: string }).code];
}

function codeFrom(source: string, date = "2026-11-01"): WorkerCode {
  return {
    modules: [{ name: "index.js", type: "esModule", content: new TextEncoder().encode(source) }],
    compatibilityDate: date,
    compatibilityFlags: [],
    sourceMaps: new Map(),
  };
}

const check = (
  source: string,
  metadata: { env?: Record<string, EnvValue>; bindings?: Record<string, string>; limits?: object } = {},
) => rig.ask("/check", undefined, { method: "POST", body: codeForm(codeFrom(source), metadata) });

describe("a check", () => {
  test("tells what a worker exports that starts, with what it will find on env", async () => {
    const source = `import { env, WorkerEntrypoint } from "cloudflare:workers";
      if (env.GREETING !== "hello" || env.KV === undefined || env.SQL === undefined)
        throw new Error("not as it will be");
      export class Admin extends WorkerEntrypoint {}
      export default { fetch() {}, scheduled() {} };`;
    const answer = await check(source, {
      env: { GREETING: { kind: "text", value: "hello" } },
      bindings: { KV: "kv", SQL: "platform-sql" },
    });
    expect(await answer.json()).toEqual({
      handlers: ["fetch", "scheduled"],
      entrypoints: ["Admin"],
      startMs: expect.any(Number),
    });
  });

  test("says in the worker's own words why it does not start", async () => {
    const answer = await check(`throw new Error("no database today");`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: "START_FAILED",
      message: expect.stringContaining("no database today"),
    });
  });

  test("refuses a body that is no form, or too long, and limits that are none", async () => {
    const post = (body: NonNullable<RequestInit["body"]>, headers = {}) =>
      rig.ask("/check", undefined, { method: "POST", body, headers });
    expect(await codeOf(await post("{}", { "content-type": "application/json" }))).toEqual([
      400,
      "INVALID_INPUT",
    ]);
    expect(await codeOf(await post(new FormData()))).toEqual([400, "INVALID_INPUT"]);
    expect(await codeOf(await check("export default {}", { limits: { cpuMs: -1 } }))).toEqual([
      400,
      "INVALID_INPUT",
    ]);
    expect(await codeOf(await check("export default {}", { limits: { cpuMs: 200_000 } }))).toEqual([
      400,
      "INVALID_LIMIT",
    ]);
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(2 ** 20)) });
    expect(await codeOf(await post(endless, { "content-type": "multipart/form-data; boundary=x" }))).toEqual([
      413,
      "BODY_TOO_LARGE",
    ]);
    expect(await codeOf(await check(`/* ${"x".repeat(10 * 2 ** 20)} */`))).toEqual([413, "SCRIPT_TOO_LARGE"]);
  });

  test(`starts ${maxChecks} at a time, and the others after them`, async () => {
    const launched = rig.cells.host.launchBlank;
    let [now, most] = [0, 0];
    const host = rig.cells.host as { launchBlank: typeof launched };
    host.launchBlank = async () => {
      most = Math.max(most, ++now);
      const blank = await launched();
      void blank.exited.then(() => now--);
      return blank;
    };
    try {
      const answers = await Promise.all(
        Array.from({ length: 3 * maxChecks }, () => check("export default { fetch() {} }")),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array(3 * maxChecks).fill(200));
      expect(most).toBeLessThanOrEqual(maxChecks);
    } finally {
      host.launchBlank = launched;
    }
  }, 60_000);

  test("ends with whoever asked for it", async () => {
    const leaving = new AbortController();
    const body = new ReadableStream({ pull() {} });
    const asked = rig.ask("/check", undefined, {
      method: "POST",
      body,
      headers: { "content-type": "multipart/form-data; boundary=x" },
      signal: leaving.signal,
    });
    leaving.abort();
    await body.cancel().catch(() => {});
    expect((await asked).status).not.toBe(200);
    // And its place is somebody else's.
    expect((await check("export default {}")).status).toBe(200);
  });
});

describe("a domain", () => {
  const verify = (by: TestPerson | undefined, hostname: string, worker: string) =>
    rig.ask(`/domains/${hostname}/verify?worker=${worker}`, by, { method: "POST" });
  const isVerified = async (hostname: string) =>
    (await listDomains(rig.own.database)).some(
      (each) => each.hostname === hostname && each.verifiedAt !== null,
    );
  /** Somebody's claim, whose TXT record says what `say` makes of its token. */
  async function claimed(by: TestPerson, hostname: string, say: (token: string) => string[][]) {
    const worker = `of-${hostname.replaceAll(".", "-")}`;
    await deployVersion(rig.own.database, { worker, by: by.id, code: codeFrom("export default {}") });
    const { workerId, verificationToken } = await addDomain(rig.own.database, {
      worker,
      hostname,
      by: by.id,
    });
    records[`_openworkers.${hostname}`] = say(verificationToken);
    return workerId;
  }

  test("is proven by its TXT record, in however many pieces, and by no other", async () => {
    const worker = await claimed(ada, "proven.example.com", (token) => [
      ["other"],
      [token.slice(0, 5), token.slice(5)],
    ]);
    expect((await verify(ada, "proven.example.com", worker)).status).toBe(204);
    expect(await isVerified("proven.example.com")).toBe(true);
    const others = await claimed(ada, "unproven.example.com", (token) => [[`${token}x`], ["other"]]);
    expect(await codeOf(await verify(ada, "unproven.example.com", others))).toEqual([409, "CONFLICT"]);
    delete records["_openworkers.unproven.example.com"];
    expect(await codeOf(await verify(ada, "unproven.example.com", others))).toEqual([409, "CONFLICT"]);
    expect(await isVerified("unproven.example.com")).toBe(false);
  });

  test("is its owner's to have proven", async () => {
    const worker = await claimed(ada, "adas.example.com", (token) => [[token]]);
    expect(await codeOf(await verify(undefined, "adas.example.com", worker))).toEqual([401, "UNAUTHORIZED"]);
    expect(await codeOf(await verify(eve, "adas.example.com", worker))).toEqual([404, "NOT_FOUND"]);
    expect(await codeOf(await verify(ada, "nobodys.example.com", worker))).toEqual([404, "NOT_FOUND"]);
    expect(await isVerified("adas.example.com")).toBe(false);
  });

  test("that is no name, or that DNS does not answer for, is an error", async () => {
    for (const name of ["localhost", "a%20b.example.com", "x".repeat(300), "-a.example.com"]) {
      expect([name, ...(await codeOf(await verify(ada, name, newId())))]).toEqual([
        name,
        400,
        "INVALID_INPUT",
      ]);
    }
    const worker = await claimed(ada, "broken.example.com", () => [["x"]]);
    delete records["_openworkers.broken.example.com"];
    expect(await codeOf(await verify(ada, "broken.example.com", worker))).toEqual([404, "NOT_FOUND"]);
  });
});

describe("a query on a tenant's database", () => {
  const query = (by: TestPerson | string | undefined, id: string, text = "select 1 as one") =>
    rig.ask(`/databases/${id}/query`, by, { method: "POST", body: JSON.stringify({ sql: text }) });

  test("is its owner's, as whom it runs", async () => {
    const answer = await query(ada, ada.databaseId);
    expect(await answer.json()).toMatchObject({ results: [{ rows: [[1]] }] });
    expect(rig.databases.asked.at(-1)).toMatchObject({ databaseId: ada.databaseId, scope: "owner" });
  });

  test("reads only for a credential that may only read", async () => {
    await query(rig.credential(ada, ["databases:read"]), ada.databaseId);
    expect(rig.databases.asked.at(-1)).toMatchObject({ scope: "read-only" });
  });

  test("is refused to who may only read where nothing would keep them from writing", async () => {
    const person = await rig.person("external");
    await rig.own.database.write((transaction) =>
      sql`update databases set kind = 'external' where id = ${person.databaseId}::uuid`.execute(transaction),
    );
    const reads = rig.credential(person, ["databases:read"]);
    expect(await codeOf(await query(reads, person.databaseId))).toEqual([403, "FORBIDDEN"]);
    expect((await query(person, person.databaseId)).status).toBe(200);
  });

  test("reaches nobody else's, whatever the id looks like", async () => {
    const before = rig.databases.asked.length;
    const missing = await (await query(eve, newId())).text();
    for (const id of [
      ada.databaseId,
      ada.databaseId.toUpperCase(),
      `${eve.databaseId}/../${ada.databaseId}`,
    ]) {
      const answer = await query(eve, id);
      expect([id, answer.status, await answer.text()]).toEqual([id, 404, missing]);
    }
    expect(await codeOf(await query(undefined, ada.databaseId))).toEqual([401, "UNAUTHORIZED"]);
    expect(await codeOf(await query("ow_forged", ada.databaseId))).toEqual([401, "UNAUTHORIZED"]);
    expect(await codeOf(await query(rig.credential(ada, ["kv:write"]), ada.databaseId))).toEqual([
      404,
      "NOT_FOUND",
    ]);
    expect(rig.databases.asked).toHaveLength(before);
  });
});

test("where tenant databases are reached is told to everybody who is somebody", async () => {
  expect(await (await rig.ask("/database-faces", ada)).json()).toEqual({ faces: null });
  expect(await codeOf(await rig.ask("/database-faces", undefined))).toEqual([401, "UNAUTHORIZED"]);
});

describe("runners", () => {
  test("are looked at by operators alone", async () => {
    expect(await codeOf(await rig.ask("/runners", ada))).toEqual([403, "FORBIDDEN"]);
    const operator = await rig.person("admin");
    await rig.own.database.write((transaction) =>
      transaction.updateTable("users").set({ is_operator: true }).where("id", "=", operator.id).execute(),
    );
    expect(await (await rig.ask("/runners", operator)).json()).toEqual({ items: [{ cells: 1 }] });
    expect((await rig.ask("/runners", rig.credential(operator, ["kv:read"]))).status).toBe(403);
  });
});

test("what there is not is an answer in the same form", async () => {
  for (const [method, path] of [
    ["GET", "/"],
    ["GET", "/check"],
    ["GET", "/dns/txt?name=example.com"],
    ["GET", `/databases/${newId()}/query`],
    ["POST", `/databases/${newId()}/other`],
    ["POST", `/buckets/${newId()}`],
  ] as const) {
    expect([path, ...(await codeOf(await rig.ask(path, ada, { method })))]).toEqual([path, 404, "NOT_FOUND"]);
  }
});

test("a failure that names what is behind it is told to the operator, and not to the cell", async () => {
  const before = rig.reports.length;
  const failing = rig.databases.query;
  (rig.databases as { query: unknown }).query = async () => {
    throw new Error("connect ECONNREFUSED 10.1.2.3:5432");
  };
  try {
    const inside = async ({ PLATFORM }: { PLATFORM: { fetch: typeof fetch } }, request: Request) => {
      const [path, credential] = JSON.parse(request.headers.get("x-test") ?? "");
      const answer = await PLATFORM.fetch(`http://platform${path}`, {
        method: "POST",
        body: "{}",
        headers: { authorization: `Bearer ${credential}` },
      });
      return [answer.status, await answer.json()];
    };
    await using cell = await rig.start(inside as never);
    const asked = JSON.stringify([`/databases/${ada.databaseId}/query`, ada.credential]);
    expect(await resultOf(await cell.fetch("/", { headers: { "x-test": asked } }))).toEqual([
      500,
      { code: "INTERNAL", message: "The platform failed." },
    ]);
    expect(String(rig.reports[before]?.error)).toContain("10.1.2.3");
  } finally {
    (rig.databases as { query: unknown }).query = failing;
  }
});
