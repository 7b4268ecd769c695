import type { MemoryShare } from "./call-memory.ts";

/** What a socket takes at once; such an answer is out of our hands with it. */
const smallBytes = 65_536;
/** How long whoever asked may leave the rest of an answer unread. */
const patienceMs = 60_000;

/** The answer to a call that succeeded. `memory` is disposed of when all of it has been read, or will not be. */
export function resultAnswer(json: string, memory: MemoryShare): Response {
  const headers = { "content-type": "application/json" };
  if (json.length <= smallBytes) {
    memory[Symbol.dispose]();
    return new Response(json, { headers });
  }
  const bytes = new TextEncoder().encode(json);
  return new Response(readInPieces(bytes, memory), {
    headers: { ...headers, "content-length": String(bytes.byteLength) },
  });
}

function readInPieces(bytes: Uint8Array<ArrayBuffer>, memory: MemoryShare): ReadableStream<Uint8Array> {
  let at = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    clearTimeout(timer);
    memory[Symbol.dispose]();
  };
  const wait = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      end();
      controller.error(new Error("the answer was left unread"));
    }, patienceMs);
  };
  return new ReadableStream<Uint8Array>(
    {
      start: wait,
      pull(controller) {
        controller.enqueue(bytes.subarray(at, at + smallBytes));
        at += smallBytes;
        if (at < bytes.byteLength) {
          wait(controller);
          return;
        }
        end();
        controller.close();
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}
