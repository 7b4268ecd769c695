import { afterAll, beforeAll, expect, test } from "bun:test";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "@openworkers/core";
import { listenExactly, maxExactConnections } from "./exact-listener.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ow-exact-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** A listener that answers with `answer`, and what it has told the cell's meter. */
async function rig(answer: (request: Request) => Promise<Response>) {
  const path = join(directory, newId());
  const moved = { read: 0, written: 0 };
  const meter = {
    moved(read: number, written: number) {
      moved.read += read;
      moved.written += written;
    },
  };
  const listener = await listenExactly(path, answer, () => meter);
  return { path, moved, [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose]() };
}

test("the bytes of bodies are counted both ways", async () => {
  await using it = await rig(async (request) => new Response((await request.bytes()).subarray(0, 70_000)));
  const answer = await fetch("http://broker/", {
    unix: it.path,
    method: "PUT",
    body: new Uint8Array(300_000),
  });
  expect((await answer.bytes()).byteLength).toBe(70_000);
  expect(it.moved).toEqual({ read: 70_000, written: 300_000 });
});

test("a cell is paid for no bytes that it announces and does not send", async () => {
  const { promise: failed, resolve } = Promise.withResolvers<unknown>();
  await using it = await rig(async (request) => {
    await request.bytes().catch(resolve);
    return new Response(null, { status: 400 });
  });
  const socket = connect(it.path);
  await once(socket, "connect");
  socket.end("PUT / HTTP/1.1\r\nHost: broker\r\nContent-Length: 1000000000\r\n\r\n0123456789");
  socket.on("error", () => {});
  await failed;
  socket.destroy();
  expect(it.moved).toEqual({ read: 0, written: 10 });
});

test("a cell gets a bounded number of connections, and one for each that it gives back", async () => {
  await using it = await rig(async () => new Response("ok"));
  const open = () => {
    const socket = connect(it.path);
    const { promise, resolve } = Promise.withResolvers<"open" | "closed">();
    socket.on("connect", () => socket.write("GET / HTTP/1.1\r\nHost: broker\r\n\r\n"));
    socket.on("data", () => resolve("open"));
    socket.on("close", () => resolve("closed"));
    socket.on("error", () => resolve("closed"));
    return { socket, promise };
  };
  const kept = [];
  for (let count = 0; count < maxExactConnections; count++) {
    const one = open();
    expect(await one.promise).toBe("open");
    kept.push(one.socket);
  }
  expect(await open().promise).toBe("closed");
  kept.pop()?.destroy();
  for (let state = "closed"; state === "closed"; ) {
    const one = open();
    state = await one.promise;
    kept.push(one.socket);
  }
  for (const socket of kept) socket.destroy();
});
