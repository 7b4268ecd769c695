import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { TestPostgate, until } from "../testing/test-postgate.ts";
import { embedded } from "../testing/test-server.ts";
import { CallMemory } from "./call-memory.ts";
import { maxBodyBytes, readBody } from "./read-body.ts";

const stack = new AsyncDisposableStack();
let gate: TestPostgate;

beforeAll(async () => {
  gate = stack.use(await TestPostgate.open(stack.use(await embedded())));
});
afterAll(() => stack.disposeAsync());

test("a tenant that announces large requests and does not send them keeps nobody else from asking", async () => {
  const hostile = await gate.make("hostile");
  const other = await gate.make("other");
  const { port } = new URL(gate.postgate.listenHttp({}).url);
  const sockets: Socket[] = [];
  stack.defer(() => {
    for (const socket of sockets) socket.destroy();
  });
  const half = Buffer.alloc(maxBodyBytes / 2, " ");
  let taken = 0;
  for (let at = 0; at < 60; at++) {
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    sockets.push(socket);
    socket.write(
      `POST /query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gate.tenants.token(hostile)}\r\ncontent-length: ${maxBodyBytes}\r\n\r\n`,
    );
    socket.write(half, () => taken++);
  }
  await until(() => taken === sockets.length);
  const large = JSON.stringify({ sql: "select 1", params: [] }).padEnd(maxBodyBytes - 10);
  expect(await gate.query(other, large)).toMatchObject({ status: 200 });
  expect(await gate.rows(other, "select 1")).toEqual([[1]]);
});

test("a request that does not come to its end is given up, and its memory with it", async () => {
  const memory = new CallMemory(400);
  const never = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(90)),
  });
  {
    using share = memory.share("a");
    const request = new Request("http://x", { method: "POST", body: never });
    await expect(readBody(request, share, 50)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  }
  expect(memory.held).toBe(0);
});
