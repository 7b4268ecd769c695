import { isOpenWorkersError } from "@openworkers/core";
import type { Followed } from "../live/follow.ts";
import { formatPosition, type Position } from "../position.ts";
import { toJson } from "../records.ts";

/** Why a stream ended: `slow` when its reader was, `stopped` with the service; `moved` when the bus's stream is new. */
export type EndReason = "slow" | "stopped" | "moved" | "expired" | "failed";

export interface EventStreamOptions {
  /** May be ended with a reason. */
  readonly end: EndSignal;
  /** What is to be written, until `end` ends it. */
  readonly followed: AsyncGenerator<Followed, void>;
  readonly onEnd: (reason: EndReason, error?: unknown) => void;
  readonly heartbeatMs?: number;
}

/** Text that one reader may have waiting for it. */
const queueBytes = 4 * 2 ** 20;
/** Written at a time. */
const chunkBytes = 256 * 2 ** 10;
/** What is stored waits for its reader, and for no longer than this. */
const patienceMs = 30_000;
const defaultHeartbeatMs = 5_000;

/** Ends what follows it, with a reason; the first counts. */
export class EndSignal {
  readonly #controller = new AbortController();
  #reason: EndReason = "stopped";

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get reason(): EndReason {
    return this.#reason;
  }

  end(reason: EndReason): void {
    if (this.signal.aborted) return;
    this.#reason = reason;
    this.#controller.abort();
  }
}

/**
 * Server-sent events (HTML Standard §9.2): a record each, its position as the event's id, so that `Last-Event-ID` goes on
 * where a broken connection left off, also when nothing fitted for long: a heartbeat says the position, too. The last
 * event is `end` with the reason.
 */
export function eventStream(options: EventStreamOptions): ReadableStream<Uint8Array> {
  const { end, followed, onEnd } = options;
  const encoder = new TextEncoder();
  const queue = new TextQueue();
  let position: Position | undefined;
  let sent: Position | undefined;
  let heartbeat: ReturnType<typeof setInterval> | undefined;
  let failure: unknown;

  async function pump(): Promise<void> {
    try {
      for await (const { records, upTo, live } of followed) {
        if (end.signal.aborted) break;
        if (!live && !(await queue.room(patienceMs, end.signal))) return end.end("slow");
        for (const record of records) {
          queue.push(`id: ${formatPosition(record.position)}\ndata: ${toJson(record)}\n\n`);
        }
        if (position === undefined) queue.push(`retry: 1000\nid: ${formatPosition(upTo)}\n: connected\n\n`);
        position = upTo;
        if (records.length > 0) sent = upTo;
        if (live && queue.bytes > queueBytes) return end.end("slow");
      }
    } catch (thrown) {
      failure = thrown;
      end.end(isOpenWorkersError(thrown, "DATABASE_UNAVAILABLE", "BUS_UNAVAILABLE") ? "stopped" : "failed");
    } finally {
      end.end("stopped");
      clearInterval(heartbeat);
      queue.push(`event: end\ndata: ${end.reason}\n\n`);
      queue.close();
      onEnd(end.reason, failure);
    }
  }

  return new ReadableStream<Uint8Array>(
    {
      start() {
        void pump();
        heartbeat = setInterval(() => {
          // Whoever has yet to read needs no proof that we are there.
          if (queue.bytes > 0 || position === undefined) return;
          queue.push(position === sent ? ": \n\n" : `id: ${formatPosition(position)}\n: \n\n`);
          sent = position;
        }, options.heartbeatMs ?? defaultHeartbeatMs);
        heartbeat.unref();
      },
      async pull(controller) {
        const text = await queue.take(chunkBytes);
        if (text === undefined) return controller.close();
        controller.enqueue(encoder.encode(text));
      },
      cancel() {
        end.end("stopped");
        queue.close();
      },
    },
    // Nothing ahead of the reader: what waits is counted.
    { highWaterMark: 0 },
  );
}

/** Text in line for one reader. */
class TextQueue {
  #texts: string[] = [];
  #bytes = 0;
  #closed = false;
  #wake: (() => void) | undefined;
  #roomy: (() => void) | undefined;

  /** About: text that is not ASCII takes more. */
  get bytes(): number {
    return this.#bytes;
  }

  push(text: string): void {
    if (this.#closed) return;
    this.#texts.push(text);
    this.#bytes += text.length;
    this.#wake?.();
  }

  close(): void {
    this.#closed = true;
    this.#wake?.();
    this.#roomy?.();
  }

  /** Some of the text, waiting for it; undefined when there will be no more. */
  async take(bytes: number): Promise<string | undefined> {
    while (this.#texts.length === 0) {
      if (this.#closed) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    let count = 0;
    let size = 0;
    for (const text of this.#texts) {
      if (count > 0 && size + text.length > bytes) break;
      size += text.length;
      count += 1;
    }
    this.#bytes -= size;
    const taken = this.#texts.splice(0, count).join("");
    if (this.#bytes <= chunkBytes) this.#roomy?.();
    return taken;
  }

  /** Whether there is room for a page, waiting for it for so long. */
  async room(ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.#bytes <= chunkBytes || this.#closed) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#roomy = () => resolve(true);
    const timer = setTimeout(() => resolve(false), ms);
    const stop = () => resolve(true);
    signal.addEventListener("abort", stop, { once: true });
    const roomy = await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    this.#roomy = undefined;
    return roomy;
  }
}
