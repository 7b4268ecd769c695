import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { newId } from "@openworkers/core";
import { maxLineBytes } from "../logs/read-log.ts";
import { program, type TestCells, testCells } from "../testing/test-cells.ts";

let cells: TestCells;
beforeAll(async () => {
  cells = await testCells();
});
afterAll(() => cells[Symbol.asyncDispose]());

describe("console lines", () => {
  test("carry the request they were written in, across awaits, and their level", async () => {
    await using cell = await cells.start(
      program(`console.info("top");
        export default { async fetch(request) {
          const name = new URL(request.url).pathname;
          console.warn("in %s", name, { a: 1 });
          await scheduler.wait(5);
          console.log({ name });
          console.log();
          return new Response();
        } }`),
    );
    const ids = { "/a": newId<"request">(), "/b": newId<"request">() };
    await Promise.all(
      Object.entries(ids).map(([path, id]) => cell.fetch(path, { headers: { "x-request-id": id } })),
    );
    for (const [path, requestId] of Object.entries(ids)) {
      const start = await cell.line((line) => line.message.startsWith(`in ${path}`));
      expect(start).toMatchObject({ message: `in ${path} { a: 1 }`, level: "warn", requestId });
      const after = await cell.line((line) => line.message === `{ name: '${path}' }`);
      expect(after).toMatchObject({ level: "log", requestId });
      expect(await cell.line((line) => line.message === "" && line.requestId === requestId)).toBeDefined();
    }
    const top = await cell.line((line) => line.message === "top");
    expect(top).not.toHaveProperty("requestId");
    expect(top.time).toBeGreaterThan(0);
  });
});

describe("an uncaught exception", () => {
  const source = `
    const fail = () => { throw new RangeError("too far") };
    export default {
      fetch(request) {
        const path = new URL(request.url).pathname;
        if (path === "/sync") fail();
        if (path === "/async") return (async () => { await 1; fail(); })();
        if (path === "/string") throw "just text";
        return new Response(path);
      },
    }`;

  test.each(["/sync", "/async"])(
    "in a %s handler becomes an empty 500 and a line with its stack",
    async (path) => {
      await using cell = await cells.start(program(source));
      const id = newId<"request">();
      const response = await cell.fetch(path, { headers: { "x-request-id": id } });
      expect(response.status).toBe(500);
      expect(response.headers.get("x-ow-exception")).toBe("1");
      expect(await response.text()).toBe("");
      const line = await cell.line((line) => line.exception !== undefined);
      expect(line).toMatchObject({ level: "error", message: "RangeError: too far", requestId: id });
      expect(line.exception).toMatchObject({ name: "RangeError", message: "too far" });
      expect(line.exception?.stack).toMatch(/at fail \(index\.js:2:/);
      expect(line.exception?.stack).not.toContain("openworkers-");
      expect(await (await cell.fetch("/after")).text()).toBe("/after");
    },
  );

  test.each([
    ["a message that is larger than a line", `throw new Error("B".repeat(20_000));`, "BBBB"],
    ["a message that JSON makes larger", `throw new Error("\\x01\\"漢".repeat(5_000));`, '\u0001"漢'],
    [
      "an endless stack",
      `const e = new Error("e"); e.stack = "e\\n    at x (y:1:1)".repeat(1e5); throw e;`,
      "e",
    ],
    [
      "causes without end",
      `let e = new Error("root"); for (let i = 0; i < 5_000; i++) e = new Error("level " + i, { cause: e }); throw e;`,
      "level 4999",
    ],
    ["itself as its cause", `const e = new Error("loop"); e.cause = e; throw e;`, "loop"],
    [
      "a stack and a cause that throw",
      `const thrower = { get() { throw new Error("trap"); } };
       throw Object.defineProperties(new Error("shown"), { stack: thrower, cause: thrower, name: thrower });`,
      "shown",
    ],
    [
      "traps instead of parts",
      `const trap = () => { throw new Error("trap"); };
       throw new Proxy(new Error("p"), { get: trap, getPrototypeOf: trap });`,
      "An exception that cannot be described was thrown.",
    ],
  ])("with %s is one line of its request", async (_, statement, message) => {
    await using cell = await cells.start(program(`export default { fetch() { ${statement} } };`));
    const id = newId<"request">();
    const { status } = await cell.fetch("/", { headers: { "x-request-id": id } });
    expect(status).toBe(500);
    const line = await cell.line(({ level }) => level === "error");
    expect(line).toMatchObject({ requestId: id });
    expect(line.exception?.message).toStartWith(message);
    expect(Buffer.byteLength(JSON.stringify(line))).toBeLessThan(2 * maxLineBytes);
    expect(cell.lines).toHaveLength(1);
  });

  test("with a long message keeps the frames of its stack", async () => {
    await using cell = await cells.start(
      program(`const fail = () => { throw new TypeError("long".repeat(10_000)); };
        export default { fetch: () => fail() };`),
    );
    await cell.fetch();
    const line = await cell.line(({ level }) => level === "error");
    expect(line.exception?.stack).toMatch(/^TypeError: [long]+ … \(cut\)\n {4}at fail \(index\.js:1:/);
  });

  test("is told with its causes, and their stacks", async () => {
    await using cell = await cells.start(
      program(`const read = () => { try { null.x; } catch (cause) { throw new Error("cannot read", { cause }); } };
        export default { fetch() { try { read(); } catch (cause) { throw new Error("no answer", { cause }); } } };`),
    );
    await cell.fetch();
    const line = await cell.line(({ level }) => level === "error");
    expect(line.exception?.stack).toMatch(
      /^Error: no answer\n {4}at .*\nCaused by: Error: cannot read\n {4}at read .*\n(?: {4}at .*\n)*Caused by: TypeError: Cannot read .*\n {4}at read /,
    );
    expect(line.exception?.stack).not.toContain("openworkers-");
  });

  test("that is not an Error is reported as what it is", async () => {
    await using cell = await cells.start(program(source));
    expect((await cell.fetch("/string")).status).toBe(500);
    const line = await cell.line((line) => line.exception !== undefined);
    expect(line.exception?.message).toBe("Uncaught just text");
  });

  test.each([
    ["undefined", "() => {}"],
    ["undefined", "async () => {}"],
    ["string", "() => 'text'"],
    ["null", "async () => null"],
    ["object", "() => ({ then(resolve) { resolve({}); } })"],
  ])("is what a result of the type %s is taken for: %s", async (type, handler) => {
    await using cell = await cells.start(program(`export default { fetch: ${handler} };`));
    const id = newId<"request">();
    const response = await cell.fetch("/", { headers: { "x-request-id": id } });
    expect([response.status, response.headers.get("x-ow-exception")]).toEqual([500, "1"]);
    expect(await cell.line((line) => line.exception !== undefined)).toMatchObject({
      message: `TypeError: The fetch handler's result is no Response (its type: ${type}).`,
      requestId: id,
    });
  });

  test("is not seen in a Response of another kind: a subclass's, a thenable's, a clone", async () => {
    await using cell = await cells.start(
      program(`class Own extends Response {}
        export default { fetch(request) {
          const { pathname } = new URL(request.url);
          if (pathname === "/subclass") return new Own("ok");
          if (pathname === "/clone") return new Response("ok").clone();
          return { then(resolve) { resolve(new Response("ok")); } };
        } }`),
    );
    for (const path of ["/subclass", "/clone", "/thenable"]) {
      expect([path, await (await cell.fetch(path)).text()]).toEqual([path, "ok"]);
    }
  });

  test.each([
    ["the context's", "ctx.waitUntil"],
    ["cloudflare:workers'", "waitUntil"],
  ])("in %s waitUntil is reported and harms nobody", async (_whose, waitUntil) => {
    await using cell = await cells.start(
      program(`import { waitUntil } from "cloudflare:workers";
        export default { fetch(_, __, ctx) {
          ${waitUntil}(Promise.reject(new Error("later")));
          return new Response("ok");
        } }`),
    );
    expect(await (await cell.fetch()).text()).toBe("ok");
    const line = await cell.line((line) => line.exception?.message === "later");
    expect(line.requestId).toBeDefined();
  });
});

describe("what no handler awaits", () => {
  test("is reported with its request: a rejected promise, and reportError", async () => {
    await using cell = await cells.start(
      program(`export default { async fetch() {
        Promise.reject(new Error("forgotten"));
        reportError(new Error("reported"));
        return new Response("ok");
      } }`),
    );
    const id = newId<"request">();
    expect((await cell.fetch("/", { headers: { "x-request-id": id } })).status).toBe(200);
    for (const message of ["forgotten", "reported"]) {
      expect((await cell.line((line) => line.exception?.message === message)).requestId).toBe(id);
    }
  });

  // Compatibility dates differ in whose timers these are: workerd's own, or those of its node:timers.
  test.each([{ date: "2024-01-01" }, { date: "2026-11-01" }])(
    "thrown by a timer's or microtask's callback is reported with its request ($date)",
    async ({ date }) => {
      await using cell = await cells.start(
        program(
          `export default { async fetch() {
          const fail = (message) => { throw new TypeError(message) };
          setTimeout(fail, 1, "timeout");
          const ticking = setInterval(() => { clearInterval(ticking); fail("interval"); }, 1);
          queueMicrotask(() => fail("microtask"));
          globalThis.setImmediate?.(fail, "immediate");
          await scheduler.wait(20);
          return new Response(typeof setImmediate);
        } }`,
          { date },
        ),
      );
      const id = newId<"request">();
      const response = await cell.fetch("/", { headers: { "x-request-id": id } });
      expect(response.status).toBe(200);
      const kinds = ["timeout", "interval", "microtask"];
      if ((await response.text()) === "function") kinds.push("immediate");
      for (const kind of kinds) {
        const line = await cell.line((line) => line.exception?.message === kind);
        expect(line).toMatchObject({ level: "error", requestId: id, exception: { name: "TypeError" } });
        expect(line.exception?.stack).toMatch(/at fail \(index\.js:2:/);
        expect(line.exception?.stack).not.toContain("openworkers-");
        expect(cell.lines.filter((line) => line.exception?.message === kind)).toHaveLength(1);
      }
    },
  );

  test("in timers that throw nothing is as it would be without the prelude", async () => {
    await using cell = await cells.start(
      program(
        `import * as timers from "node:timers";
        export default { async fetch() {
          const seen = await new Promise((resolve) => setTimeout((...values) => resolve(values), 1, "a", "b"));
          const that = await new Promise((resolve) => setTimeout(function () { resolve(typeof this) }, 1));
          const cleared = setTimeout(() => { throw new Error("cleared") }, 1);
          clearTimeout(cleared);
          let refused; try { setTimeout("code") } catch (error) { refused = error.name }
          return Response.json({
            seen, that, refused, name: setTimeout.name, length: setTimeout.length,
            node: await new Promise((resolve) => timers.setTimeout(resolve, 1, "node")),
            names: Object.keys(globalThis).filter((key) => /^set(Timeout|Interval)/.test(key)),
          });
        } }`,
      ),
    );
    expect(await (await cell.fetch()).json()).toEqual({
      seen: ["a", "b"],
      that: "object",
      refused: "TypeError",
      name: "setTimeout",
      length: 2,
      node: "node",
      names: ["setTimeout", "setInterval"],
    });
    expect(cell.lines).toEqual([]);
  });

  test("outside of any event is refused by workerd, and nobody else takes what is given to it", async () => {
    await using cell = await cells.start(
      program(`import { waitUntil } from "cloudflare:workers";
        import { takeWaitUntil } from "openworkers:wait-until";
        let taken = 0;
        takeWaitUntil(() => taken++);
        let refused;
        try { waitUntil(Promise.resolve()); } catch (error) { refused = String(error); }
        export default { fetch() {
          waitUntil(scheduler.wait(1).then(() => console.log("done")));
          return Response.json({ refused: typeof refused, taken });
        } }`),
    );
    expect(await (await cell.fetch()).json()).toEqual({ refused: "string", taken: 0 });
    await cell.line((line) => line.message === "done");
  });

  test("ends with the time for background work, however long the worker asks for", async () => {
    await using cell = await cells.start(
      program(`import { waitUntil } from "cloudflare:workers";
        let ticks = 0;
        export default { fetch(request, _, ctx) {
          if (request.url.endsWith("/ticks")) return new Response(String(ticks));
          setInterval(() => ticks++, 5);
          ctx.waitUntil(new Promise(() => {}));
          waitUntil(new Promise(() => {}));
          return new Response("started");
        } }`),
      { backgroundMs: 100 },
    );
    await (await cell.fetch()).text();
    const ticks = async () => (await cell.fetch("/ticks")).text();
    // Without a bound the count never stands still, and this never ends.
    for (let before = "", now = await ticks(); before !== now || now === "0"; ) {
      before = now;
      await Bun.sleep(50);
      now = await ticks();
    }
  });
});

describe("handlers", () => {
  test("see the `this`, arguments and exports that they would see without the prelude", async () => {
    await using cell = await cells.start(
      program(
        `import other from "./other.js";
        class App { #secret = 7; fetch(request, env, ctx) {
          return Response.json({
            secret: this.#secret, isApp: this instanceof App, env: env.NAME, other, args: arguments.length,
            ctx: typeof ctx.waitUntil, length: String(App.prototype.fetch.length),
          });
        } }
        export default new App();`,
        {
          modules: { "other.js": "export default 'other'" },
          env: new Map([["NAME", { kind: "text", value: "n" }]]),
        },
      ),
    );
    expect(await (await cell.fetch()).json()).toEqual({
      secret: 7,
      isApp: true,
      env: "n",
      other: "other",
      args: 3,
      ctx: "function",
      length: "3",
    });
  });

  test("of a frozen object, a getter and an entrypoint class work, and exceptions in them are marked", async () => {
    const sources = [
      `export default Object.freeze({ fetch() { if (!Object.isFrozen(Object.getPrototypeOf(this)) && !Object.isFrozen(this)) throw 1; return new Response("ok"); } })`,
      `export default { get fetch() { return () => new Response("ok"); } }`,
      `import { WorkerEntrypoint } from "cloudflare:workers";
       export default class extends WorkerEntrypoint { fetch(request) { this.ctx.waitUntil(1); return new Response(this.hi()); } hi() { return "ok"; } }`,
      `import { WorkerEntrypoint } from "cloudflare:workers";
       export class Named extends WorkerEntrypoint { fetch() { return new Response("no"); } }
       export default { fetch: () => new Response("ok") }`,
    ];
    for (const source of sources) {
      await using cell = await cells.start(program(source));
      expect(await (await cell.fetch()).text()).toBe("ok");
    }
    await using cell = await cells.start(
      program(`import { WorkerEntrypoint } from "cloudflare:workers";
        export default class extends WorkerEntrypoint { async fetch() { throw new Error("in a class"); } }`),
    );
    expect((await cell.fetch()).headers.get("x-ow-exception")).toBe("1");
  });

  test("of an entrypoint class that are fields of its instances are wrapped too", async () => {
    await using cell = await cells.start(
      program(
        `import { WorkerEntrypoint } from "cloudflare:workers";
        export default class App extends WorkerEntrypoint {
          #secret = 7;
          fetch = async (request) => {
            if (request.url.endsWith("/throws")) throw new Error("in a field");
            console.log("in a field");
            return Response.json({ secret: this.#secret, own: this.constructor === App, name: new.target?.name, env: this.env.NAME });
          };
        }`,
        { env: new Map([["NAME", { kind: "text", value: "n" }]]) },
      ),
    );
    const id = newId<"request">();
    const response = await cell.fetch("/", { headers: { "x-request-id": id } });
    expect(await response.json()).toEqual({ secret: 7, own: true, env: "n" });
    expect((await cell.line((line) => line.message === "in a field")).requestId).toBe(id);
    const failed = await cell.fetch("/throws", { headers: { "x-request-id": id } });
    expect([failed.status, failed.headers.get("x-ow-exception")]).toEqual([500, "1"]);
    expect((await cell.line((line) => line.exception?.message === "in a field")).requestId).toBe(id);
  });

  test("that call each other keep their request and catch their own exceptions", async () => {
    await using cell = await cells.start(
      program(`const worker = { async fetch(request) {
        if (request.url.endsWith("/inner")) { console.log("inner"); throw new Error("mine"); }
        try { await worker.fetch(new Request("http://x/inner")); } catch (error) { return new Response(error.message); }
      } };
      export default worker;`),
    );
    const id = newId<"request">();
    const response = await cell.fetch("/", { headers: { "x-request-id": id } });
    expect(await response.text()).toBe("mine");
    expect((await cell.line((line) => line.message === "inner")).requestId).toBe(id);
    expect(cell.lines.filter((line) => line.exception !== undefined)).toEqual([]);
  });

  test("that are missing are answered with a marked 501", async () => {
    for (const source of [
      "export default {}",
      "export default { scheduled() {} }",
      "export const fetch = () => {}",
    ]) {
      await using cell = await cells.start(program(source));
      const response = await cell.fetch();
      expect([response.status, response.headers.get("x-ow-exception")]).toEqual([501, "1"]);
    }
  });

  test("survive a worker that tampers with built-ins", async () => {
    await using cell = await cells.start(
      program(`
        Promise.prototype.then = () => { throw 1 }; Headers.prototype.get = () => "forged";
        Array.prototype.slice = Array.prototype.map = Reflect.apply = String.prototype.startsWith = null;
        Function.prototype.call = Function.prototype.bind = Object.keys = null;
        Object.defineProperty(Object.prototype, "id", { set() { throw 1 } });
        export default { fetch() { console.log("still"); throw new Error("here"); } }`),
    );
    const id = newId<"request">();
    const response = await cell.fetch("/", { headers: { "x-request-id": id } });
    expect(response.headers.get("x-ow-exception")).toBe("1");
    expect((await cell.line((line) => line.message === "still")).requestId).toBe(id);
    expect((await cell.line((line) => line.exception !== undefined)).exception?.message).toBe("here");
  });
});

describe("service worker syntax", () => {
  test("is served, with bindings among the globals and exceptions marked", async () => {
    await using cell = await cells.start(
      program(
        `addEventListener("fetch", (event) => {
          if (event.request.url.endsWith("/bad")) throw new Error("bad");
          event.waitUntil(Promise.resolve());
          event.respondWith(new Response(NAME));
        });`,
        { env: new Map([["NAME", { kind: "text", value: "sw" }]]) },
      ),
    );
    expect(await (await cell.fetch()).text()).toBe("sw");
    expect((await cell.fetch("/bad")).headers.get("x-ow-exception")).toBe("1");
  });
});

describe("compatibility", () => {
  test("workers of old dates and with explicit flags run", async () => {
    const settings = [
      { date: "2021-11-03" },
      { date: "2023-05-18", flags: ["nodejs_compat"] },
      { date: "2024-09-23", flags: ["nodejs_als"] },
    ];
    for (const options of settings) {
      await using cell = await cells.start(
        program(
          `export default { fetch: (r) => { console.log("x"); return new Response(r.headers.get("x-request-id")) } }`,
          options,
        ),
      );
      const id = newId<"request">();
      expect(await (await cell.fetch("/", { headers: { "x-request-id": id } })).text()).toBe(id);
      expect((await cell.line((line) => line.message === "x")).requestId).toBe(id);
    }
  });

  test.each(["experimental", "unsafe_module", "python_workers"])("the flag %s is refused", async (flag) => {
    const source = "export default {}";
    await expect(cells.start(program(source, { flags: [flag] }))).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });

  test("an experimental flag is refused by workerd itself", async () => {
    const flags = ["streaming_tail_worker"];
    await expect(cells.start(program("export default {}", { flags }))).rejects.toMatchObject({
      code: "START_FAILED",
      message: expect.stringContaining("experimental"),
    });
  });
});
