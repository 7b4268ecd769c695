import { within } from "@openworkers/core";
import { Client, type ClientConfig, escapeIdentifier } from "pg";

export interface ListenHandlers {
  /** Called with the payload of each notification, in the order they were committed. */
  readonly onPayload: (payload: string) => void;
  /**
   * Called each time a new connection listens after an earlier one broke. What was notified in between is
   * lost: read the state again.
   */
  readonly onReconnect: () => void;
  /** Called when the connection breaks, and with each failed attempt to make it again. */
  readonly onLost?: (error: unknown) => void;
}

export interface ListenOptions {
  /**
   * How often the server is asked whether it is there, and how long it may take to answer, in milliseconds;
   * 10,000 unless given. A peer that vanished without a word (a pulled cable, a failed-over address) is noticed
   * by asking alone.
   */
  readonly heartbeatMs?: number;
}

const firstDelayMs = 50;
const longestDelayMs = 2_000;

/** One connection that listens on one channel and outlives the server's restarts. */
export class Listener implements AsyncDisposable {
  readonly #config: ClientConfig;
  readonly #channel: string;
  readonly #handlers: ListenHandlers;
  readonly #heartbeatMs: number;
  readonly #stopped = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(config: ClientConfig, channel: string, handlers: ListenHandlers, options: ListenOptions) {
    this.#config = config;
    this.#channel = channel;
    this.#handlers = handlers;
    this.#heartbeatMs = options.heartbeatMs ?? 10_000;
  }

  async start(): Promise<void> {
    const first = await this.#connect();
    this.#loop = this.#keep(first);
  }

  async #keep(first: Connection): Promise<void> {
    const { signal } = this.#stopped;
    let connection: Connection | undefined = first;
    let delayMs = firstDelayMs;
    while (!signal.aborted) {
      if (connection !== undefined) {
        const error = await watch(connection, this.#heartbeatMs, signal);
        await connection.end();
        connection = undefined;
        delayMs = firstDelayMs;
        if (signal.aborted) return;
        this.#handlers.onLost?.(error);
      }
      await sleep(delayMs * (0.5 + Math.random() / 2), signal);
      if (signal.aborted) return;
      try {
        connection = await this.#connect();
        this.#handlers.onReconnect();
      } catch (thrown) {
        this.#handlers.onLost?.(thrown);
        delayMs = Math.min(delayMs * 2, longestDelayMs);
      }
    }
    await connection?.end();
  }

  async #connect(): Promise<Connection> {
    const client = new Client(this.#config);
    const closed = Promise.withResolvers<Error>();
    client.on("error", closed.resolve);
    client.on("end", () => closed.resolve(new Error("the connection was closed")));
    client.on("notification", ({ payload = "" }) => this.#handlers.onPayload(payload));
    const end = () => within(client.end(), 1_000);
    try {
      await client.connect();
      await client.query(`listen ${escapeIdentifier(this.#channel)}`);
    } catch (thrown) {
      await end();
      throw thrown;
    }
    return { closed: closed.promise, ask: async () => void (await client.query("select 1")), end };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
  }
}

interface Connection {
  /** Resolves with why it is no longer one. */
  readonly closed: Promise<Error>;
  ask(): Promise<void>;
  end(): Promise<void>;
}

/** Resolves with what went wrong when the connection is no longer of use, or when `signal` aborts. */
async function watch(
  { closed, ask }: Connection,
  heartbeatMs: number,
  signal: AbortSignal,
): Promise<unknown> {
  for (;;) {
    const error = await Promise.race([closed, sleep(heartbeatMs, signal)]);
    if (error !== undefined || signal.aborted) return error;
    const answer = await Promise.race([
      closed,
      ask().catch((thrown: unknown) => thrown),
      sleep(heartbeatMs, signal).then(() => new Error("the connection does not answer")),
    ]);
    if (answer !== undefined || signal.aborted) return answer;
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve(undefined);
    };
    const timer = setTimeout(done, ms);
    timer.unref();
    signal.addEventListener("abort", done);
  });
}
