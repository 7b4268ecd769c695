import { expect, test } from "bun:test";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { maxEgressConnections } from "./egress.ts";

const MiB = 2 ** 20;

/** A way out in a process of its own, as a cell sees it that was taken over. */
async function wayOut() {
  const directory = mkdtempSync(join(tmpdir(), "ow-"));
  const path = join(directory, "egress");
  const script = join(import.meta.dir, "testing/egress-process.ts");
  const child = Bun.spawn([process.execPath, script, path], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const said = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  expect((await said.read()).value).toBe("listening\n");
  const sockets: Socket[] = [];
  return {
    /** Bytes that it keeps in buffers. */
    async kept(): Promise<number> {
      child.stdin.write("?\n");
      await child.stdin.flush();
      return Number((await said.read()).value?.replace("kept ", ""));
    },
    /** A connection on which `text` was said; nothing of the answer is read before `resume`. */
    async say(text: string | Uint8Array): Promise<Socket> {
      const socket = await connected(path);
      sockets.push(socket);
      socket.on("error", () => {});
      socket.pause();
      socket.write(text);
      return socket;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      child.kill();
      await child.exited;
      rmSync(directory, { recursive: true });
    },
  };
}

/** A connection to `path`, as soon as the line of those that wait to be accepted has room. */
async function connected(path: string): Promise<Socket> {
  for (;;) {
    const socket = connect(path);
    try {
      await once(socket, "connect");
      return socket;
    } catch {
      await Bun.sleep(5);
    }
  }
}

/** Resolves when `value` has stayed as it is for a while. */
async function settled(value: () => number): Promise<void> {
  for (let last = -1, same = 0; same < 20; ) {
    await Bun.sleep(25);
    const now = value();
    same = now === last ? same + 1 : 0;
    last = now;
  }
}

/** More than the kernel takes of an answer, and little enough that it takes it of a thousand. */
const bodyBytes = 384 * 1_024;

/** A server that answers with `head` and a body, as fast as it is taken. */
function origin(head: string) {
  const answer = Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`),
    Buffer.alloc(bodyBytes, 120),
  ]);
  let sent = 0;
  const send = (socket: Bun.Socket<{ left: number }>) => {
    const taken = Math.max(0, socket.write(answer.subarray(answer.length - socket.data.left)));
    socket.data.left -= taken;
    sent += taken;
    if (socket.data.left === 0) socket.end();
  };
  const listener = Bun.listen<{ left: number }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { left: answer.length };
      },
      data: send,
      drain: send,
      error() {},
    },
  });
  return {
    port: listener.port,
    sent: () => sent,
    [Symbol.dispose]: () => listener.stop(true),
  };
}

for (const [framing, head] of [
  ["of a known length", `Content-Length: ${bodyBytes}`],
  ["that end with their connection", "Connection: close"],
] as const) {
  test(`responses ${framing} that a cell does not read cost the runner a bounded amount of memory`, async () => {
    await using cell = await wayOut();
    using server = origin(head);
    const get = `GET http://127.0.0.1:${server.port}/ HTTP/1.1\r\n\r\n`;
    const unread: Socket[] = [];
    for (let count = 1; count < maxEgressConnections; count++) unread.push(await cell.say(get));
    await settled(server.sent);
    const kept = await cell.kept();
    expect(kept / MiB).toBeLessThan(48);
    // Whichever of them is read after all comes whole.
    for (const socket of [unread[0], unread.at(-1)]) {
      let read = 0;
      socket?.on("data", (bytes) => {
        read += bytes.length;
      });
      socket?.resume();
      while (read < bodyBytes) await Bun.sleep(5);
      socket?.destroy();
    }
  });
}
