import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId, OpenWorkersError } from "@openworkers/core";
import { type ByteMeter, noMeter } from "../cells/byte-meter.ts";
import { CellBudget, type SubrequestBudget, unmetered } from "../subrequests/budget.ts";
import { Egress, maxEgressConnections } from "./egress.ts";
import { Guard, type GuardOptions } from "./guard/guard.ts";
import { Permissions } from "./guard/permissions.ts";
import { type EgressRig, egressRig } from "./testing/rig.ts";
import { rawServer } from "./testing/servers.ts";
import { actions, obedient } from "./testing/worker.ts";

let rig: EgressRig;
beforeAll(async () => {
  rig = await egressRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const answering = () =>
  rawServer({ received: (text, write) => write(ok.repeat(text.split("\r\n\r\n").length - 1)) });

const modules = actions({
  many: `const count = Number(query.get("count"));
    const all = await Promise.allSettled(Array.from({ length: count }, () => fetch(query.get("url")).then((r) => r.text())));
    const errors = {};
    for (const { status, reason } of all) if (status === "rejected") errors[reason] = (errors[reason] ?? 0) + 1;
    return { ok: all.filter(({ status }) => status === "fulfilled").length, errors };`,
  redirected: 'return (await fetch(query.get("url"))).status;',
  waiting: `const stop = new AbortController();
    const held = [fetch(query.get("url")), fetch(query.get("url"))];
    const third = fetch(query.get("url"), { signal: stop.signal }); stop.abort(new Error("enough"));
    const said = await third.catch(String); const late = await fetch(query.get("url"), { signal: stop.signal }).catch(String);
    for (const one of held) one.catch(() => {}); return [said, late];`,
});

describe("a request", () => {
  test("that asks too often hears which limit it has met, and the rest is served", async () => {
    await using one = await rig.start(obedient, { modules, limits: { subrequests: 20 } });
    using server = answering();
    const url = `http://127.0.0.1:${server.port}/`;
    expect(await (await one.ask(`/many?count=25&url=${url}`)).json()).toEqual({
      ok: 20,
      errors: { "Error: Too many subrequests: a request may make 20 (limits.subrequests).": 5 },
    });
    // The next request begins anew.
    expect(await (await one.ask(`/many?count=20&url=${url}`)).json()).toEqual({ ok: 20, errors: {} });
  });

  test("that asks ten thousand times at once is served as far as its budget goes", async () => {
    await using one = await rig.start(obedient, { modules });
    using server = answering();
    const answer = (await (
      await one.ask(`/many?count=10000&url=http://127.0.0.1:${server.port}/`)
    ).json()) as {
      ok: number;
      errors: Record<string, number>;
    };
    expect(answer).toEqual({
      ok: 1_000,
      errors: { "Error: Too many subrequests: a request may make 1000 (limits.subrequests).": 9_000 },
    });
    expect(server.opened()).toBeLessThanOrEqual(1_000);
  });

  test("has no more subrequests under way than it may", async () => {
    await using one = await rig.start(obedient, { modules, limits: { subrequestConcurrency: 3 } });
    let most = 0;
    let answered = 0;
    const waiting: (() => void)[] = [];
    using server = rawServer({
      received(_, write) {
        waiting.push(() => write(ok));
        most = Math.max(most, waiting.length);
        // Three at a time, and never more: the answers go out when as many wait as may.
        if (waiting.length === 3 || answered + waiting.length === 12) {
          answered += waiting.length;
          for (const answer of waiting.splice(0)) answer();
        }
      },
    });
    expect(await (await one.ask(`/many?count=12&url=http://127.0.0.1:${server.port}/`)).json()).toEqual({
      ok: 12,
      errors: {},
    });
    expect(most).toBe(3);
  });

  test("pays for every redirect", async () => {
    await using one = await rig.start(obedient, { modules, limits: { subrequests: 5 } });
    using server = rawServer({
      received: (_, write) => write("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"),
    });
    expect(await (await one.ask(`/redirected?url=http://127.0.0.1:${server.port}/`)).json()).toMatchObject({
      code: "SUBREQUEST_LIMIT",
    });
    expect(server.received().match(/^GET /gm)?.length).toBe(5);
  });

  test("can give up a subrequest that waits in line", async () => {
    await using one = await rig.start(obedient, { modules, limits: { subrequestConcurrency: 2 } });
    using silent = rawServer();
    expect(await (await one.ask(`/waiting?url=http://127.0.0.1:${silent.port}/`)).json()).toEqual([
      "Error: enough",
      "Error: enough",
    ]);
  });
});

describe("a server that is silent", () => {
  test("before its response or within it is not waited for without end", async () => {
    await using hurried = await egressRig({ silenceMs: 50 });
    await using one = await hurried.start(obedient, {
      modules: actions({ get: 'return (await fetch(query.get("url"))).text();' }),
    });
    using silent = rawServer();
    expect(await (await one.ask(`/get?url=http://127.0.0.1:${silent.port}/`)).json()).toEqual({
      error: "TypeError: The request to 127.0.0.1 failed: nothing has come for 0.05 s.",
      code: "EGRESS_FAILED",
    });
    using half = rawServer({
      received: (_, write) => write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
    });
    expect(await (await one.ask(`/get?url=http://127.0.0.1:${half.port}/`)).json()).toMatchObject({
      error: expect.stringContaining("lost"),
    });
    await half.until(() => half.open() === 0);
  });

  test("in the middle of TLS is given up, and its connection with it", async () => {
    await using hurried = await egressRig({ connectMs: 300 });
    await using one = await hurried.start(obedient, { modules });
    using silent = rawServer();
    const answer = await (await one.ask(`/many?count=9&url=https://127.0.0.1:${silent.port}/`)).json();
    expect(answer).toEqual({
      ok: 0,
      errors: { "TypeError: Cannot connect to 127.0.0.1: it took over 300 ms.": 9 },
    });
    await silent.until(() => silent.open() === 0);
  });

  test("when it is connected to is given up", async () => {
    await using hurried = await egressRig({ connectMs: 50, resolve: () => new Promise(() => {}) });
    await using one = await hurried.start(obedient, {
      modules: actions({ get: 'return (await fetch(query.get("url"))).text();' }),
    });
    expect(await (await one.ask("/get?url=http://never.test/")).json()).toEqual({
      error: "TypeError: Cannot connect to never.test: it took over 50 ms.",
      code: "EGRESS_FAILED",
    });
  });
});

/** What a cell is that was taken over: it speaks to its socket as it likes. */
function takenOver({
  budget = unmetered,
  meter = noMeter,
  guard = {},
}: {
  budget?: SubrequestBudget;
  meter?: ByteMeter;
  guard?: GuardOptions;
} = {}) {
  const directory = mkdtempSync(join(tmpdir(), "ow-"));
  const path = join(directory, "egress");
  let warnings = 0;
  const egress = new Egress({ guard: new Guard(guard), authorities: [], report() {} });
  const listener = egress.listen(path, () => ({
    policy: {},
    budget,
    meter,
    warn: () => warnings++,
  }));
  return {
    path,
    warnings: () => warnings,
    /** All that comes back for `text`, until the socket is closed or `until` is seen. */
    say(text: string, until: string): Promise<string> {
      const socket = connect(path, () => socket.write(text));
      const { promise, resolve } = Promise.withResolvers<string>();
      let heard = "";
      socket.on("data", (chunk) => {
        heard += chunk;
        if (!heard.includes(until)) return;
        resolve(heard);
        socket.destroy();
      });
      socket.on("close", () => resolve(heard));
      socket.on("error", () => resolve(heard));
      return promise;
    },
    [Symbol.dispose]() {
      listener[Symbol.dispose]();
      egress[Symbol.dispose]();
      rmSync(directory, { recursive: true });
    },
  };
}

describe("a cell that was taken over", () => {
  test("gets a bounded number of connections", async () => {
    using cell = takenOver();
    const open = () => {
      const { promise, resolve } = Promise.withResolvers<"open" | "closed">();
      const socket = connect(cell.path);
      // A request that is refused is answered; one beyond the limit finds the connection closed.
      socket.on("connect", () => socket.write("GET http://10.0.0.1/ HTTP/1.1\r\n\r\n"));
      socket.on("data", () => resolve("open"));
      socket.on("close", () => resolve("closed"));
      socket.on("error", () => resolve("closed"));
      return { socket, promise };
    };
    const kept = [];
    for (let count = 0; count < maxEgressConnections; count++) {
      const one = open();
      expect(await one.promise).toBe("open");
      kept.push(one.socket);
    }
    expect(await open().promise).toBe("closed");
    for (const socket of kept) socket.destroy();
  });

  for (const text of [
    "GARBAGE\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET http://a/ HTTP/1.1\nHost: a\n\n",
    `GET http://a/${"x".repeat(70_000)} HTTP/1.1\r\n\r\n`,
  ]) {
    test(`is refused what is no request: ${JSON.stringify(text.slice(0, 30))}`, async () => {
      using cell = takenOver();
      expect(await cell.say(text, "\r\n\r\n")).toStartWith("HTTP/1.1 403 EGRESS_REFUSED\r\n");
    });
  }

  test("is counted by the runner, whichever request it says that it asks for", async () => {
    const budget = new CellBudget({ subrequests: 4, subrequestConcurrency: 2, concurrency: 1 });
    const [one, other] = [newId<"request">(), newId<"request">()];
    budget.open(one);
    budget.open(other);
    using cell = takenOver({ budget, guard: { permissions: Permissions.parse(["127.0.0.1"]) } });
    const answers: (() => void)[] = [];
    using server = rawServer({ received: (_, write) => answers.push(() => write(ok)) });
    const claims = [one, one, one, one, one, "made-up", undefined, undefined, undefined, undefined];
    const all = claims.map((claim) =>
      cell.say(
        `GET http://127.0.0.1:${server.port}/ HTTP/1.1\r\n${claim === undefined ? "" : `X-Ow-Request: ${claim}\r\n`}\r\n`,
        "\r\n\r\n",
      ),
    );
    // Two requests, two subrequests each at a time; each answer lets one more out.
    for (let served = 0; served < 8; served++) {
      await server.until(() => answers.length > 0);
      expect(server.opened() - served).toBeLessThanOrEqual(4);
      answers.shift()?.();
    }
    const heard = await Promise.all(all);
    const statuses = heard.map((text) => text.slice(9, 12)).sort();
    expect(statuses).toEqual([...Array(8).fill("200"), "429", "429"]);
  });

  test("is paid for the bytes that pass, not for those that it announces", async () => {
    const moved = { read: 0, written: 0 };
    const meter: ByteMeter = {
      moved(read, written) {
        moved.read += read;
        moved.written += written;
      },
    };
    using cell = takenOver({ meter, guard: { permissions: Permissions.parse(["127.0.0.1"]) } });
    using server = rawServer({ received: (_, write) => void write(ok) });
    const request = `POST http://127.0.0.1:${server.port}/ HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n${"x".repeat(1_000)}`;
    expect(await cell.say(request, "\r\n\r\nok")).toEndWith("\r\n\r\nok");
    expect(moved).toEqual({ read: ok.length, written: request.length });
  });

  test("writes no more than a few lines into its log by being refused", async () => {
    using cell = takenOver();
    for (let count = 0; count < 100; count++)
      await cell.say("CONNECT 10.0.0.1:80 HTTP/1.1\r\n\r\n", "\r\n\r\n");
    expect(cell.warnings()).toBeGreaterThan(0);
    expect(cell.warnings()).toBeLessThan(100);
  });

  test("cannot hide a second request behind the first", async () => {
    using cell = takenOver();
    const heard = await cell.say(
      "GET http://10.0.0.1/ HTTP/1.1\r\n\r\nGET http://10.0.0.1/ HTTP/1.1\r\n\r\n",
      "never",
    );
    expect(heard.match(/HTTP\/1\.1 /g)?.length ?? 0).toBeLessThanOrEqual(1);
  });

  test("is let go when it asks on and on and reads no answer", async () => {
    let asked = 0;
    const budget: SubrequestBudget = {
      async enter() {
        asked += 1;
        throw new OpenWorkersError("SUBREQUEST_LIMIT", "x".repeat(1_000));
      },
      spend() {},
      asker: () => undefined,
    };
    using cell = takenOver({ budget });
    const socket = connect(cell.path);
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.pause();
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    let heard = true;
    for (let count = 1; count <= 5_000 && heard; count++) {
      socket.write("GET http://a.test/ HTTP/1.1\r\n\r\n");
      for (let turns = 0; turns < 200 && asked < count; turns++) await turn();
      heard = asked === count;
      // It is answered by now: the next request is none that is sent too early.
      await turn();
    }
    expect(heard).toBe(false);
    const closed = once(socket, "close");
    socket.resume();
    await closed;
  });

  test("cannot send a body that two parsers read differently", async () => {
    using cell = takenOver();
    for (const body of ["zz\r\n", "1\r\nab\r\n", "0\r\nContent-Length: 1\r\n\r\n"]) {
      expect(
        await cell.say(
          `POST http://1.1.1.1:1/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
          "never",
        ),
      ).toBe("");
    }
  });
});
