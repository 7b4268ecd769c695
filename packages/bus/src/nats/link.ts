import type { NatsConnection } from "@nats-io/transport-node";
import { messageOf, OpenWorkersError, type Report } from "@openworkers/core";
import { explain, isTransient } from "./faults.ts";

/** Longest wait for one answer before the same is asked again: an answer that was lost on the way never comes. */
const attemptMs = 2_000;
const firstPauseMs = 20;
const longestPauseMs = 500;

/** The connection, and whether anybody is at its other end now. */
export class Link {
  readonly connection: NatsConnection;
  readonly #watchers = new Set<() => void>();
  #connected = true;
  #reconnects = 0;
  #closed = false;
  #closing = false;

  constructor(connection: NatsConnection, report: Report) {
    this.connection = connection;
    void this.#watch(report);
  }

  get connected(): boolean {
    return this.#connected;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** How often the connection was lost and made again. */
  get reconnects(): number {
    return this.#reconnects;
  }

  /** Calls `watcher` whenever the connection is lost, is back, or is closed for good. */
  watch(watcher: () => void): Disposable {
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }

  /**
   * What `ask` resolves with. While the server is away or cannot answer it is asked again, with the time that it has.
   *
   * @throws OpenWorkersError BUS_UNAVAILABLE after `timeoutMs`; any other when the server refuses
   */
  async retrying<T>(what: string, timeoutMs: number, ask: (timeoutMs: number) => Promise<T>): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    let pauseMs = firstPauseMs;
    let last: unknown = new OpenWorkersError("BUS_UNAVAILABLE", `${what}: NATS is away.`);
    while (true) {
      if (this.#closed) throw new OpenWorkersError("BUS_UNAVAILABLE", `${what}: the bus is closed.`);
      if (this.#closing && !this.#connected) throw explain(last, what);
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw explain(last, what);
      if (!this.#connected) {
        await this.#change(leftMs);
        continue;
      }
      try {
        return await this.#whileConnected(ask(Math.min(leftMs, attemptMs)));
      } catch (thrown) {
        if (!isTransient(thrown)) throw explain(thrown, what);
        last = thrown;
      }
      if (this.#connected) await Bun.sleep(Math.min(pauseMs, Math.max(0, deadline - Date.now())));
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
    }
  }

  /** From now on nobody waits for a server that is away. */
  hurry(): void {
    this.#closing = true;
    this.#tell();
  }

  markClosed(): void {
    this.#closed = true;
    this.#tell();
  }

  /** Resolves when the connection is lost, is back, or is closed; at the latest after `ms`. */
  async #change(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    using _ = this.watch(resolve);
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
  }

  // A request whose connection is lost is not told so: its answer would be waited for in vain.
  async #whileConnected<T>(asked: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    using _ = this.watch(() => {
      if (!this.#connected || this.#closed) {
        reject(new OpenWorkersError("BUS_UNAVAILABLE", "The connection to NATS was lost."));
      }
    });
    // Whichever comes second has nobody who waits for it.
    asked.catch(() => {});
    return await Promise.race([asked, promise]);
  }

  async #watch(report: Report): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === "disconnect") {
        this.#connected = false;
        if (!this.#closed) report("The connection to NATS was lost.", { server: status.server });
        this.#tell();
      } else if (status.type === "reconnect") {
        this.#connected = true;
        this.#reconnects += 1;
        report("Connected to NATS again.", { server: status.server });
        this.#tell();
      } else if (status.type === "error") {
        report("NATS refused something.", { error: messageOf(status.error) });
      }
    }
    this.#connected = false;
    this.#closed = true;
    this.#tell();
  }

  #tell(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
