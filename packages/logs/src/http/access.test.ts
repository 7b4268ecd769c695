import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { newId, type UserId } from "@openworkers/core";
import { sql } from "kysely";
import type { LogsService } from "../service.ts";
import { readLogsSettings } from "../settings.ts";
import { startTestLogs, type TestLogs, testUser } from "../testing/platform.ts";
import { line, type TestWorker } from "../testing/records.ts";

let logs: TestLogs;
let service: LogsService;
beforeAll(async () => {
  logs = await startTestLogs();
  service = await logs.serve();
});
afterAll(() => logs[Symbol.asyncDispose]());

function ask(path: string, token?: string, headers: Record<string, string> = {}) {
  return fetch(new URL(path, service.url), {
    headers: token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(20_000),
  });
}

const pathsOf = ({ workerId }: TestWorker) => [
  `/workers/${workerId}/logs`,
  `/workers/${workerId}/logs/query`,
  `/workers/${workerId}/stats`,
];

async function statusOf(path: string, token?: string): Promise<number> {
  const answer = await ask(path, token);
  await answer.body?.cancel();
  return answer.status;
}

describe("logs are read", () => {
  test("with a token in the header alone, that is known and has not expired", async () => {
    const shop = await logs.worker("shop-a");
    const token = await logs.token();
    const expired = await logs.token({ kind: "all" }, new Date(Date.now() + 3_600_000));
    await logs.database.write((transaction) =>
      sql`update log_tokens set expires_at = now() - interval '1 second'
        where created_at = (select max(created_at) from log_tokens)`.execute(transaction),
    );
    for (const path of ["/logs", "/logs/query", ...pathsOf(shop)]) {
      expect([path, await statusOf(path)]).toEqual([path, 401]);
      expect([path, await statusOf(`${path}?token=${token}`)]).toEqual([path, 401]);
      const cookie = await ask(path, undefined, { cookie: `token=${token}` });
      expect([path, cookie.status]).toEqual([path, 401]);
      for (const wrong of [
        `${token.slice(0, -1)}!`,
        `${token.slice(0, -4)}AAAA`,
        "x",
        expired,
        "' or 1=1 --",
      ]) {
        expect([path, wrong, await statusOf(path, wrong)]).toEqual([path, wrong, 401]);
      }
      expect([path, await statusOf(path, token)]).toEqual([path, 200]);
    }
  });

  test("of the token's worker, and of no other", async () => {
    const [mine, theirs] = [await logs.worker("mine-b"), await logs.worker("theirs-b")];
    const token = await logs.token({ kind: "worker", workerId: mine.workerId });
    for (const path of pathsOf(mine)) expect([path, await statusOf(path, token)]).toEqual([path, 200]);
    for (const path of pathsOf(theirs)) expect([path, await statusOf(path, token)]).toEqual([path, 403]);
    const upper = `/workers/${theirs.workerId.toUpperCase()}/logs`;
    expect([
      await statusOf(upper, token),
      await statusOf(`/workers/..%2F${theirs.workerId}/logs`, token),
    ]).toEqual([400, 400]);
  });

  test("of the owner's workers, those that come later too", async () => {
    const ada = await testUser(logs.database, "ada");
    const mine = await logs.worker("ada-c", ada);
    const theirs = await logs.worker("theirs-c");
    const token = await logs.token({ kind: "owner", ownerId: ada });
    for (const path of pathsOf(mine)) expect([path, await statusOf(path, token)]).toEqual([path, 200]);
    for (const path of pathsOf(theirs)) expect([path, await statusOf(path, token)]).toEqual([path, 403]);
    const another = await logs.worker("ada-c-2", ada);
    // A service that has not asked before: what it knows holds for some seconds.
    await using fresh = await logs.serve();
    const answer = await fetch(new URL(`/workers/${another.workerId}/stats`, fresh.url), {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(answer.status).toBe(200);
  });

  test("of a worker that is or was there", async () => {
    const token = await logs.token();
    for (const path of pathsOf({ ...(await logs.worker("any-d")), workerId: newId<"worker">() })) {
      expect([path, await statusOf(path, token)]).toEqual([path, 404]);
    }
    const gone = await logs.worker("gone-d");
    const own = await logs.token({ kind: "worker", workerId: gone.workerId });
    await logs.publish(gone.workerId, [line(gone, "last words")]);
    await logs.settled();
    await logs.database.write((transaction) =>
      transaction.deleteFrom("workers").where("id", "=", gone.workerId).execute(),
    );
    const [, query = ""] = pathsOf(gone);
    expect(await (await ask(query, token)).json()).toMatchObject({ records: [{ message: "last words" }] });
    expect(await statusOf(query, own)).toBe(401);
  });

  test("by GET, on paths that there are", async () => {
    const token = await logs.token();
    const post = await fetch(new URL("/logs", service.url), {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET"]);
    expect([await statusOf("/", token), await statusOf("/workers/x/y", token)]).toEqual([404, 404]);
    expect(await (await ask("/health")).json()).toEqual({ ok: true });
  });

  test("all in one page, of what is theirs alone", async () => {
    const cleo = await testUser(logs.database, "cleo");
    const owned = [await logs.worker("cleo-g", cleo), await logs.worker("cleo-g-2", cleo)];
    const theirs = await logs.worker("theirs-g");
    for (const worker of [...owned, theirs])
      await logs.publish(worker.workerId, [line(worker, worker.worker)]);
    await logs.settled();
    const token = await logs.token({ kind: "owner", ownerId: cleo });
    const page = (await (await ask("/logs/query?order=oldest-first", token)).json()) as { records: object[] };
    expect(page).toMatchObject({ records: owned.map(({ worker }) => ({ message: worker })), next: null });
  });

  test("all in one stream, by each of what is theirs", async () => {
    const bob = await testUser(logs.database, "bob");
    const [mine, theirs] = [await logs.worker("bob-e", bob), await logs.worker("theirs-e")];
    const token = await logs.token({ kind: "owner", ownerId: bob });
    const stream = await ask("/logs", token);
    const chunks = stream.body?.getReader();
    const decoder = new TextDecoder();
    let text = "";
    while (!text.includes("connected")) text += decoder.decode((await chunks?.read())?.value);
    await logs.publish(theirs.workerId, [line(theirs, "not for bob")]);
    await logs.publish(mine.workerId, [line(mine, "for bob")]);
    while (!text.includes("for bob")) text += decoder.decode((await chunks?.read())?.value);
    await chunks?.cancel();
    expect(text).not.toContain("not for bob");
    await logs.settled();
    const resumed = await ask("/logs?since=0", token);
    const again = resumed.body?.getReader();
    let stored = "";
    while (!stored.includes("connected") || !stored.includes("for bob")) {
      stored += decoder.decode((await again?.read())?.value);
    }
    await again?.cancel();
    expect(stored).not.toContain("not for bob");
  });
});

describe("a stream ends with a word", () => {
  async function streamed(change: (token: string, worker: TestWorker) => Promise<unknown>, name: string) {
    const shop = await logs.worker(name, await testUser(logs.database, name));
    await using quick = await logs.serve({ checkMs: 20 });
    const { rows } = await logs.database.read((queries) =>
      sql<{ id: UserId }>`select owner_id as id from workers where id = ${shop.workerId}::uuid`.execute(
        queries,
      ),
    );
    const [owner] = rows;
    if (owner === undefined) throw new Error("the worker has no owner");
    const token = await logs.token({ kind: "owner", ownerId: owner.id });
    const answer = await fetch(new URL(`/workers/${shop.workerId}/logs`, quick.url), {
      headers: { authorization: `Bearer ${token}` },
    });
    await change(token, shop);
    return await answer.text();
  }

  test("when its token is revoked", async () => {
    const revoked = (token: string) =>
      logs.database.write((transaction) =>
        transaction
          .deleteFrom("log_tokens")
          .where("hash", "=", new Bun.CryptoHasher("sha256").update(token).digest())
          .execute(),
      );
    expect(await streamed(revoked, "revoked")).toEndWith("event: end\ndata: expired\n\n");
  });

  test("when the worker is given to somebody else", async () => {
    const given = async (_: string, { workerId }: TestWorker) => {
      const other = await testUser(logs.database, "other-owner");
      await logs.database.write((transaction) =>
        sql`update workers set owner_id = ${other}::uuid where id = ${workerId}::uuid`.execute(transaction),
      );
    };
    expect(await streamed(given, "given")).toEndWith("event: end\ndata: expired\n\n");
  });
});

describe("pages of other origins", () => {
  test("read nothing unless they are listed", async () => {
    const origin = "https://ops.example.com";
    const answer = await ask("/health", undefined, { origin });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    await using open = await logs.serve({ settings: readLogsSettings({ OW_LOGS_ORIGINS: origin }) });
    const asked = (from: string, method = "GET") =>
      fetch(new URL("/health", open.url), { method, headers: { origin: from } });
    expect((await asked(origin)).headers.get("access-control-allow-origin")).toBe(origin);
    expect((await asked("https://evil.example.com")).headers.get("access-control-allow-origin")).toBeNull();
    const preflight = await asked(origin, "OPTIONS");
    expect(preflight.headers.get("access-control-allow-headers")).toBe("authorization, last-event-id");
    expect(preflight.headers.get("access-control-allow-credentials")).toBeNull();
    expect(
      (await asked("https://evil.example.com", "OPTIONS")).headers.get("access-control-allow-headers"),
    ).toBeNull();
  });

  test("are listed as origins", () => {
    for (const wrong of ["*", "ops.example.com", "https://ops.example.com/", "null"]) {
      expect(() => readLogsSettings({ OW_LOGS_ORIGINS: wrong })).toThrow("OW_LOGS_ORIGINS");
    }
  });
});

test("more streams than are allowed are refused, and one that ends makes room", async () => {
  const token = await logs.token();
  await using small = await logs.serve({ settings: readLogsSettings({ OW_LOGS_CLIENTS: "2" }) });
  const open = () => fetch(new URL("/logs", small.url), { headers: { authorization: `Bearer ${token}` } });
  const [first, second] = [await open(), await open()];
  const third = await open();
  expect([third.status, await third.json()]).toMatchObject([503, { error: { code: "OVERLOADED" } }]);
  await first.body?.cancel();
  let fourth = await open();
  // The service learns that a reader has gone when its connection closes.
  while (fourth.status === 503) fourth = await open();
  expect(fourth.status).toBe(200);
  await Promise.all([second.body?.cancel(), fourth.body?.cancel()]);
});

test("a time that PostgreSQL has no words for is the nearest that it has", async () => {
  const shop = await logs.worker("shop-times");
  const token = await logs.token();
  const [, query] = pathsOf(shop);
  for (const time of ["999999999999999", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]) {
    expect([time, await statusOf(`${query}?from=${time}`, token)]).toEqual([time, 200]);
    expect([time, await statusOf(`${query}?to=${time}`, token)]).toEqual([time, 200]);
    expect([time, await statusOf(`/logs?since=${time}`, token)]).toEqual([time, 200]);
  }
});
