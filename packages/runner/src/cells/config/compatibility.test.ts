import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { newId } from "@openworkers/core";
import { program, type TestCells, testCells } from "../testing/test-cells.ts";
import { cellFlags } from "./compatibility.ts";

let cells: TestCells;
beforeAll(async () => {
  cells = await testCells();
});
afterAll(() => cells[Symbol.asyncDispose]());

// What each answers stays open until its client leaves; each says what it hears of that.
const source = `
  const hear = (request, what) => request.signal.addEventListener("abort", () => console.log(what, String(request.signal.reason)));
  export default { async fetch(request) {
    const { pathname } = new URL(request.url);
    hear(request, pathname);
    if (pathname === "/silent") {
      console.log("waiting");
      await new Promise(() => setTimeout(() => {}, 60_000));
    }
    if (pathname === "/stream") {
      return new Response(new ReadableStream({
        async pull(controller) { controller.enqueue(new Uint8Array(10)); await scheduler.wait(10); },
        cancel() { console.log("cancelled"); },
      }));
    }
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    (async () => { for (;;) { await writer.write(new Uint8Array(10)); await scheduler.wait(5); } })();
    return new Response(readable);
  } }`;

/** A client that the test can make leave at a time of its choosing. */
function visit(socketPath: string, path: string): Socket {
  const socket = connect(socketPath);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: worker\r\nX-Request-Id: ${newId<"request">()}\r\n\r\n`);
  return socket;
}

describe("a client that leaves", () => {
  // Long ago, the last day before workerd does so by itself, and the first on which it does.
  test.each(["2022-01-01", "2026-11-16", "2026-11-17"])(
    "aborts request.signal of a worker dated %s",
    async (date) => {
      await using cell = await cells.start(program(source, { date }));
      const early = visit(cell.cell.httpSocket, "/silent");
      await cell.line((line) => line.message === "waiting");
      early.destroy();
      const heard = await cell.line((line) => line.message.startsWith("/silent"));
      expect(heard.message).toContain("AbortError: The client has disconnected");
      const late = visit(cell.cell.httpSocket, "/transform");
      await once(late, "data");
      late.destroy();
      await cell.line((line) => line.message.startsWith("/transform"));
    },
  );

  test("cancels the stream that was being answered with", async () => {
    await using cell = await cells.start(program(source));
    const leaving = visit(cell.cell.httpSocket, "/stream");
    await once(leaving, "data");
    leaving.destroy();
    await cell.line((line) => line.message === "cancelled");
    await cell.line((line) => line.message.startsWith("/stream"));
  });
});

test("a worker's flags are its own, AsyncLocalStorage's and request.signal's, each once", () => {
  const old = "2026-11-16";
  expect(cellFlags([], old)).toEqual(["nodejs_als", "enable_request_signal"]);
  expect(cellFlags(["enable_request_signal", "nodejs_als"], old)).toEqual([
    "enable_request_signal",
    "nodejs_als",
  ]);
  expect(cellFlags(["disable_request_signal"], old)).toEqual(["disable_request_signal", "nodejs_als"]);
  expect(cellFlags([], "2026-11-17")).toEqual(["nodejs_als"]);
});

test("a worker that asks for request.signal, or turns it off, starts", async () => {
  for (const flag of ["enable_request_signal", "disable_request_signal"]) {
    await using cell = await cells.start(
      program(`export default { fetch: () => new Response("ok") }`, { flags: [flag] }),
    );
    expect(await (await cell.fetch()).text()).toBe("ok");
  }
});
