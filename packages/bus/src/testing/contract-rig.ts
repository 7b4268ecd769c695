import type { Bus, ConsumerDefinition, Message, StoredMessage, StreamDefinition } from "../bus.ts";
import { bytes } from "./text.ts";

/** What a test of the contract works with. */
export interface ContractContext {
  readonly bus: () => Bus;
  /** A stream of a test's own. */
  stream(options?: Partial<StreamDefinition>): Promise<StreamDefinition>;
}

let count = 0;

/** A stream under a name that no other test uses. */
export function testStream(options: Partial<StreamDefinition> = {}): StreamDefinition {
  const number = ++count;
  return {
    name: `T${number}`,
    subject: `t${number}.>`,
    retention: "limits",
    maxAgeMs: 3_600_000,
    maxBytes: 2 ** 24,
    whenFull: "drop-oldest",
    maxMessageBytes: 2 ** 20,
    dedupeMs: 60_000,
    ...options,
  };
}

/** A consumer of everything in `stream`. */
export function testConsumer(
  stream: StreamDefinition,
  options: Partial<ConsumerDefinition> = {},
): ConsumerDefinition {
  return {
    stream: stream.name,
    name: "consumer",
    subject: stream.subject,
    inFlight: 4,
    maxUnacknowledged: 1_000,
    ackWaitMs: 30_000,
    backoffMs: [10],
    ...options,
  };
}

/** A subject of `stream`. */
export const on = (stream: StreamDefinition, last: string) => stream.subject.replace(">", last);

/** Keeps what a handler is given and tells when there is enough. */
export class Seen<T = Message> {
  readonly all: T[] = [];
  readonly #waiting: { count: number; resolve: () => void }[] = [];

  add(one: T): void {
    this.all.push(one);
    for (const { count, resolve } of this.#waiting) if (this.all.length >= count) resolve();
  }

  /** Resolves to all of them once there are `count`. */
  async atLeast(count: number): Promise<readonly T[]> {
    if (this.all.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
    }
    return this.all;
  }
}

/** Resolves once `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(5);
}

export const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "it was done",
    (thrown: { code?: string }) => thrown.code,
  );

export const ids = (messages: readonly StoredMessage[]) => messages.map(({ id }) => id);

/** Publishes so many messages on a subject of the stream; their ids are `<last>:0` and on. */
export async function fill(bus: Bus, stream: StreamDefinition, messages: number, last = "a"): Promise<void> {
  await Promise.all(
    Array.from({ length: messages }, (_, at) =>
      bus.publish(on(stream, last), bytes(`${at}`), { id: `${last}:${at}` }),
    ),
  );
}
