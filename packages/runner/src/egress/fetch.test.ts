import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { type EgressRig, type EgressWorker, egressRig } from "./testing/rig.ts";
import { authority, identity, rawServer } from "./testing/servers.ts";
import { actions, obedient } from "./testing/worker.ts";

let rig: EgressRig;
let worker: EgressWorker;

const mebibyte = 2 ** 20;

beforeAll(async () => {
  rig = await egressRig({
    authorities: [authority],
    lookMs: 100,
    resolve: async (host) => {
      if (host.endsWith(".test")) return ["127.0.0.1"];
      if (host === "ipv6.example") return ["::1"];
      // The first leads nowhere: a port of a loopback address that nobody listens on.
      if (host === "both.example") return ["::1", "127.0.0.1"];
      throw new Error("no such host");
    },
  });
  worker = await rig.start(obedient, {
    modules: actions({
      get: 'const r = await fetch(query.get("url")); return { status: r.status, headers: [...r.headers], text: await r.text() };',
      status: 'const r = await fetch(query.get("url")); await r.body?.cancel(); return r.status;',
      manual:
        'const r = await fetch(query.get("url"), { redirect: "manual" }); return [r.status, r.headers.get("location")];',
      method:
        'const r = await fetch(query.get("url"), { method: query.get("method") }); return [r.status, await r.text()];',
      post: 'return (await fetch(query.get("url"), { method: "POST", body: request.body })).text();',
      pass: 'return fetch(query.get("url"), request);',
      kept: 'const mine = new Request(query.get("url"), { headers: { a: "b" } }); await (await fetch(mine)).text(); return [...mine.headers];',
      through: 'return fetch(query.get("url"));',
      abort: `const stop = new AbortController();
        const r = await fetch(query.get("url"), { signal: stop.signal });
        const reader = r.body.getReader(); await reader.read(); stop.abort(new Error("enough"));
        return reader.read().then(() => "read on", String);`,
      abortEarly: `const stop = new AbortController(); const asked = fetch(query.get("url"), { signal: stop.signal });
        const heard = await fetch(query.get("heard")); await heard.text(); stop.abort(new Error("enough"));
        return asked.then(() => "answered", String);`,
      partly:
        'const r = await fetch(query.get("url")); const { value } = await r.body.getReader().read(); return value.length > 0;',
      socket: `const r = await fetch(query.get("url"), { headers: { upgrade: "websocket" } });
        const socket = r.webSocket; socket.accept();
        const got = new Promise((resolve) => socket.addEventListener("message", (event) => resolve(event.data)));
        socket.send("hello"); const text = await got; socket.close(1000, "bye"); return [r.status, text];`,
      webSocket: `const socket = new WebSocket(query.get("url"));
        return new Promise((resolve) => { socket.onopen = () => socket.send("hi"); socket.onmessage = ({ data }) => { resolve(data); socket.close(); };
          socket.onerror = () => resolve("error"); });`,
      together: `const all = await Promise.all(Array.from({ length: 45 }, () => fetch(query.get("url"))));
        return Promise.all(all.map(async (r) => (await r.arrayBuffer()).byteLength));`,
      identity:
        "return [fetch.name, fetch.length, typeof fetch.prototype, Object.getOwnPropertyDescriptor(Object.getPrototypeOf(globalThis), 'fetch') !== undefined || Object.hasOwn(globalThis, 'fetch')];",
      wrong:
        'return [await fetch("not a url").catch((e) => e.name), await fetch("ftp://a/").catch((e) => e.name), await fetch(query.get("url"), { method: "GET", body: "x" }).catch((e) => e.name)];',
      twice:
        'const r = new Request(query.get("url"), { method: "POST", body: "x" }); await (await fetch(r)).text(); return fetch(r).then(() => "sent twice", (e) => e.name);',
      background: 'ctx.waitUntil(fetch(query.get("url")).then((r) => r.text())); return "answered";',
    }),
  });
});
afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await rig[Symbol.asyncDispose]();
});

const ask = async (
  action: string,
  query: Record<string, string> = {},
  init?: RequestInit,
): Promise<unknown> => (await worker.ask(`/${action}?${new URLSearchParams(query)}`, init)).json();

function server(fetch: (request: Request) => Response | Promise<Response>, options: object = {}) {
  const one = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch, ...options });
  return {
    url: `http://127.0.0.1:${one.port}`,
    port: one.port,
    [Symbol.dispose]: () => {
      one.stop(true);
    },
  };
}

/** A server that takes connections and reads nothing of them. */
function stuckServer() {
  const { promise: connected, resolve: up } = Promise.withResolvers<void>();
  const listener = createServer((socket) => {
    socket.pause();
    // When it is reset, which nobody here waits for.
    socket.on("error", () => {});
    up();
  }).listen(0, "127.0.0.1");
  const { port } = listener.address() as AddressInfo;
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return {
    port,
    connected,
    /** Connections that the kernel has as established: the server itself would hear of an end only by reading. */
    established: () =>
      readFileSync("/proc/net/tcp", "utf8")
        .split("\n")
        .filter(
          (line) =>
            line.includes(` ${local} `) && line.trim().split(/\s+/)[1] === local && line.includes(" 01 "),
        ).length,
    [Symbol.dispose]: () => void listener.close(),
  };
}

describe("a response", () => {
  test("comes as the server sent it", async () => {
    using one = server(
      () =>
        new Response("text", {
          status: 418,
          headers: { "x-own": "1", "set-cookie": "a=b", "x-request-id": "theirs" },
        }),
    );
    const answer = (await ask("get", { url: one.url })) as {
      status: number;
      headers: [string, string][];
      text: string;
    };
    expect([answer.status, answer.text]).toEqual([418, "text"]);
    const names = Object.fromEntries(answer.headers);
    expect(names).toMatchObject({ "x-own": "1", "set-cookie": "a=b", "x-request-id": "theirs" });
  });

  test("that is compressed is unpacked in the cell, whatever it grows to", async () => {
    const bomb = Bun.gzipSync(new Uint8Array(64 * mebibyte));
    using one = server(() => new Response(bomb, { headers: { "content-encoding": "gzip" } }));
    expect(await ask("partly", { url: one.url })).toBe(true);
    const text = Bun.gzipSync(Buffer.from("packed"));
    using other = server(() => new Response(text, { headers: { "content-encoding": "gzip" } }));
    expect(await ask("get", { url: other.url })).toMatchObject({ text: "packed" });
  });

  test("is followed over redirects, or not, as the worker asks", async () => {
    using one = server((request) =>
      request.url.endsWith("/end") ? new Response("end") : Response.redirect("/end", 302),
    );
    expect(await ask("get", { url: `${one.url}/start` })).toMatchObject({ status: 200, text: "end" });
    expect(await ask("manual", { url: `${one.url}/start` })).toEqual([302, "/end"]);
  });

  for (const method of ["HEAD", "OPTIONS", "DELETE", "PATCH"]) {
    test(`to ${method} ends where it should`, async () => {
      using one = server(
        () =>
          new Response(method === "HEAD" ? null : method, {
            headers: { "content-length": `${method.length}` },
          }),
      );
      expect(await ask("method", { url: one.url, method })).toEqual([200, method === "HEAD" ? "" : method]);
      expect(await ask("status", { url: one.url })).toBe(200);
    });
  }

  test("without a body is one", async () => {
    for (const status of [204, 304]) {
      using one = server(() => new Response(null, { status }));
      expect(await ask("method", { url: one.url, method: "GET" })).toEqual([status, ""]);
    }
  });

  test("of an old server, which ends with its connection, comes whole", async () => {
    using one = rawServer({
      received(_, write, end) {
        write("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold but whole");
        end();
      },
    });
    expect(await ask("get", { url: `http://127.0.0.1:${one.port}/` })).toMatchObject({
      text: "old but whole",
    });
  });

  test("that is cut short is an error, not a short response", async () => {
    using one = rawServer({
      received(_, write, end) {
        write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        end();
      },
    });
    expect(await ask("get", { url: `http://127.0.0.1:${one.port}/` })).toMatchObject({
      error: expect.stringContaining("lost"),
    });
  });

  test("that is none is an error that says so", async () => {
    using silent = rawServer({ received: (_, __, end) => end() });
    expect(await ask("get", { url: `http://127.0.0.1:${silent.port}/` })).toEqual({
      error: "TypeError: The request to 127.0.0.1 failed: it closed the connection without an answer.",
      code: "EGRESS_FAILED",
    });
    using ssh = rawServer({ opened: (write) => write("SSH-2.0-OpenSSH_9.6\r\n\r\n") });
    expect(await ask("get", { url: `http://127.0.0.1:${ssh.port}/` })).toMatchObject({
      code: "EGRESS_FAILED",
    });
  });
});

describe("a request", () => {
  test("arrives without a word of the platform's", async () => {
    using one = rawServer({ received: (_, write) => write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") });
    await ask("get", { url: `http://127.0.0.1:${one.port}/path?q` });
    const [line, ...fields] = one.received().split("\r\n");
    expect(line).toBe("GET /path?q HTTP/1.1");
    expect(fields.filter((field) => field !== "").map((field) => field.split(":")[0]?.toLowerCase())).toEqual(
      ["host"],
    );
  });

  test("leaves the worker's own Request as it was", async () => {
    using one = server(() => new Response("ok"));
    expect(await ask("kept", { url: one.url })).toEqual([["a", "b"]]);
    expect(await ask("twice", { url: one.url })).toBe("TypeError");
  });

  test("streams out and back at the pace of its readers", async () => {
    using echo = server((request) => new Response(request.body), {
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    });
    const size = 32 * mebibyte;
    const response = await worker.ask(`/pass?url=${echo.url}`, {
      method: "POST",
      body: new Uint8Array(size).fill(97),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(bytes.length).toBe(size);
    expect(bytes.every((byte) => byte === 97)).toBeTrue();
  });

  test("is not taken from a server faster than the worker reads", async () => {
    const chunk = Buffer.alloc(mebibyte, "n");
    let written = 0;
    const { promise: full, resolve } = Promise.withResolvers<void>();
    using endless = rawServer({
      received(_, write) {
        write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (;;) {
          const taken = write(Buffer.concat([Buffer.from("100000\r\n"), chunk, Buffer.from("\r\n")]));
          written += Math.max(0, taken);
          if (taken < chunk.length) break;
        }
        resolve();
      },
    });
    expect(await ask("partly", { url: `http://127.0.0.1:${endless.port}/` })).toBe(true);
    // The server's write was refused: nobody between it and the worker takes in what is not read.
    await full;
    expect(written).toBeLessThan(32 * mebibyte);
    // And the worker's end is the connection's.
    await endless.until(() => endless.open() === 0);
  });

  test("that is aborted is aborted at the server", async () => {
    using one = rawServer({
      received: (_, write) => write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
    });
    expect(await ask("abort", { url: `http://127.0.0.1:${one.port}/` })).toBe("Error: enough");
    await one.until(() => one.open() === 0);
    using silent = rawServer();
    using heard = server(async () => {
      await silent.until(() => silent.received() !== "");
      return new Response("heard");
    });
    const url = `http://127.0.0.1:${silent.port}/`;
    expect(await ask("abortEarly", { url, heard: heard.url })).toBe("Error: enough");
    await silent.until(() => silent.open() === 0);
  });

  test("that a server does not read waits, and is let go with its client", async () => {
    using stuck = stuckServer();
    const client = new AbortController();
    let offered = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        offered += mebibyte;
        controller.enqueue(new Uint8Array(mebibyte));
      },
    });
    const asked = worker.ask(`/post?url=http://127.0.0.1:${stuck.port}/`, {
      method: "POST",
      body,
      signal: client.signal,
    });
    asked.catch(() => {});
    await stuck.connected;
    // Until nobody takes any more: what is between the client and the server is full.
    for (let before = -1; before !== offered; await Bun.sleep(200)) before = offered;
    expect(stuck.established()).toBe(1);
    expect(offered).toBeLessThan(64 * mebibyte);
    client.abort();
    while (stuck.established() > 0) await Bun.sleep(20);
  });

  test("ends with its client, although the server never answers", async () => {
    using silent = rawServer();
    const client = new AbortController();
    const asked = worker.ask(`/get?url=http://127.0.0.1:${silent.port}/`, { signal: client.signal });
    await silent.until(() => silent.received() !== "");
    client.abort();
    await expect(asked).rejects.toThrow();
    await silent.until(() => silent.open() === 0);
  });

  test("may go on after the response", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    using one = server(() => {
      resolve();
      return new Response("ok");
    });
    expect(await ask("background", { url: one.url })).toBe("answered");
    await promise;
  });

  test("to a host that is not there is an error that says so", async () => {
    expect(await ask("get", { url: "http://nowhere.example/" })).toEqual({
      error: "TypeError: Cannot connect to nowhere.example: no address was found for it.",
      code: "EGRESS_FAILED",
    });
    using gone = rawServer();
    const { port } = gone;
    gone[Symbol.dispose]();
    expect(await ask("get", { url: `http://127.0.0.1:${port}/` })).toEqual({
      error: `TypeError: Cannot connect to 127.0.0.1 on port ${port}: it refused the connection.`,
      code: "EGRESS_FAILED",
    });
  });

  test("tries the next address when one leads nowhere", async () => {
    using one = server(() => new Response("by IPv4"));
    expect(await ask("get", { url: `http://both.example:${one.port}/` })).toMatchObject({ text: "by IPv4" });
  });

  test("goes over IPv6", async () => {
    using one = server(() => new Response("by IPv6"), { hostname: "::1" });
    for (const host of ["[::1]", "ipv6.example"]) {
      expect(await ask("get", { url: `http://${host}:${one.port}/` })).toMatchObject({ text: "by IPv6" });
    }
  });
});

describe("fetch", () => {
  test("looks like the runtime's own", async () => {
    const [name, , prototype, present] = (await ask("identity")) as unknown[];
    expect([name, prototype, present]).toEqual(["fetch", "undefined", true]);
  });

  test("refuses what the runtime's own refuses", async () => {
    using one = server(() => new Response("ok"));
    expect(await ask("wrong", { url: one.url })).toEqual(["TypeError", "TypeError", "TypeError"]);
  });
});

describe("TLS", () => {
  const secure = (name: "server.test" | "expired.test") =>
    server(() => new Response("secure"), { tls: identity(name) });

  test("is spoken with whom the certificate names, by name or by address", async () => {
    using one = secure("server.test");
    for (const host of ["server.test", "a.wild.test", "127.0.0.1"]) {
      expect(await ask("get", { url: `https://${host}:${one.port}/` })).toMatchObject({ text: "secure" });
    }
  });

  test("is refused with anybody else, and nothing is sent", async () => {
    let asked = 0;
    using one = server(() => new Response(`${asked++}`), { tls: identity("server.test") });
    for (const host of ["other.test", "wild.test", "a.b.wild.test", "server.test.evil.test"]) {
      expect(await ask("get", { url: `https://${host}:${one.port}/` })).toMatchObject({
        error: expect.stringContaining("its certificate was not accepted"),
        code: "EGRESS_FAILED",
      });
    }
    expect(asked).toBe(0);
  });

  test("is refused with a certificate that has expired", async () => {
    using one = secure("expired.test");
    expect(await ask("get", { url: `https://expired.test:${one.port}/` })).toMatchObject({
      error: expect.stringContaining("expired"),
    });
  });

  test("is refused with a certificate of an authority that nobody trusts", async () => {
    await using strict = await egressRig({ resolve: async () => ["127.0.0.1"] });
    await using other = await strict.start(obedient, {
      modules: actions({ get: 'return (await fetch(query.get("url"))).text();' }),
    });
    using one = secure("server.test");
    expect(await other.text(`/get?url=https://server.test:${one.port}/`)).toContain(
      "its certificate was not accepted",
    );
  });

  test("is refused with who does not speak it", async () => {
    using one = server(() => new Response("plain"));
    expect(await ask("get", { url: `https://server.test:${one.port}/` })).toMatchObject({
      code: "EGRESS_FAILED",
    });
  });
});

describe("a WebSocket", () => {
  const echo = (tls?: object) => {
    const one = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      ...(tls === undefined ? {} : { tls }),
      fetch: (request, self) =>
        self.upgrade(request) ? undefined : new Response("no WebSocket", { status: 400 }),
      websocket: { message: (socket, message) => void socket.send(`echo ${message}`) },
    });
    return { port: one.port, [Symbol.dispose]: () => void one.stop(true) };
  };

  test("is opened by fetch", async () => {
    using one = echo();
    expect(await ask("socket", { url: `http://127.0.0.1:${one.port}/` })).toEqual([101, "echo hello"]);
  });

  test("is opened by its constructor, encrypted too", async () => {
    using plain = echo();
    using secure = echo(identity("server.test"));
    expect(await ask("webSocket", { url: `ws://127.0.0.1:${plain.port}/` })).toBe("echo hi");
    expect(await ask("webSocket", { url: `wss://server.test:${secure.port}/` })).toBe("echo hi");
  });

  test("is not opened where the guard lets nothing through", async () => {
    expect(await ask("webSocket", { url: "ws://10.0.0.1/" })).toBe("error");
  });
});

test("many responses at a time come whole, encrypted or not, those that are read ahead of little among them", async () => {
  for (const tls of [undefined, identity("server.test")]) {
    const all = Promise.withResolvers<void>();
    let asked = 0;
    using one = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      ...(tls === undefined ? {} : { tls }),
      async fetch() {
        if (++asked === 45) all.resolve();
        await all.promise;
        return new Response(new Uint8Array(mebibyte));
      },
    });
    const url = `${tls === undefined ? "http" : "https"}://server.test:${one.port}/`;
    // Twice: what was read ahead of little is not used again, and the rest is.
    for (let count = 0; count < 2; count++)
      expect(await ask("together", { url })).toEqual(Array(45).fill(mebibyte));
  }
});

describe("a kept connection", () => {
  const answering = () =>
    rawServer({ received: (_, write) => write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") });

  test("is used again by the same worker, and by no other", async () => {
    using one = answering();
    const url = `http://127.0.0.1:${one.port}/`;
    await using other = await rig.start(obedient, {
      modules: actions({ get: 'return (await fetch(query.get("url"))).text();' }),
    });
    for (let count = 0; count < 3; count++) await ask("get", { url });
    expect(one.opened()).toBe(1);
    expect(await other.text(`/get?url=${url}`)).toBe('"ok"');
    expect(one.opened()).toBe(2);
  });

  test("that the server closed unnoticed costs nobody a request", async () => {
    let ended = 0;
    using one = rawServer({
      received(text, write, end) {
        // The second request finds the connection closing.
        if (text.includes("/second") && ended++ === 0) end();
        else write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      },
    });
    expect(await ask("get", { url: `http://127.0.0.1:${one.port}/first` })).toMatchObject({ text: "ok" });
    expect(await ask("get", { url: `http://127.0.0.1:${one.port}/second` })).toMatchObject({ text: "ok" });
    expect(one.opened()).toBe(2);
  });

  test("that says more than it was asked is not used again", async () => {
    using one = rawServer({
      received: (_, write) =>
        write(
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
        ),
    });
    const url = `http://127.0.0.1:${one.port}/`;
    for (let count = 0; count < 3; count++) expect(await ask("get", { url })).toMatchObject({ text: "ok" });
    expect(one.opened()).toBe(3);
  });
});

test("a cell's end is that of its connections", async () => {
  using silent = rawServer();
  await using one = await rig.start(obedient, {
    modules: actions({ get: 'return (await fetch(query.get("url"))).text();' }),
  });
  const asked = one.ask(`/get?url=http://127.0.0.1:${silent.port}/`).catch(() => "ended");
  await silent.until(() => silent.received() !== "");
  one.kill();
  await silent.until(() => silent.open() === 0);
  expect(await asked).toBe("ended");
});
