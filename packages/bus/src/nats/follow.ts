import { AckPolicy, DeliverPolicy, type JetStreamManager } from "@nats-io/jetstream";
import { nanos, nuid } from "@nats-io/transport-node";
import { messageOf, type Report } from "@openworkers/core";
import type { FollowOptions, StoredMessage } from "../bus.ts";
import type { Link } from "./link.ts";
import { Pull } from "./pull.ts";
import { parseDelivered } from "./received.ts";

const pauseMs = 250;
/** What waits in memory for a follower that is slow. */
const aheadMessages = 64;
/** How long the server keeps a follower's place whose process was killed. */
const forgottenMs = 60_000;

/**
 * The stored messages by way of a consumer that acknowledges nothing and lives as long as one of the server's nodes. When it
 * is gone, or something is missing, one more is made that begins after the last message that was passed on. (The ordered
 * consumer of JetStream's client takes more than half a minute to notice that its node is gone.)
 */
export async function* followStream(
  link: Link,
  manager: JetStreamManager,
  options: FollowOptions,
  report: Report,
): AsyncGenerator<StoredMessage, void> {
  let last = options.after;
  while (!options.signal.aborted && !link.closed) {
    const place = new Place(link, options.signal);
    try {
      await place.open(manager, options.stream, options.subject, last + 1);
      for await (const message of place.messages()) {
        if (message.seq <= last) continue;
        last = message.seq;
        yield message;
      }
    } catch (thrown) {
      report("A follower of a stream begins again.", { stream: options.stream, error: messageOf(thrown) });
      await pause(options.signal);
    } finally {
      await place.close(manager, options.stream);
    }
  }
}

/** A place in a stream, until it is lost. */
class Place {
  readonly #link: Link;
  readonly #signal: AbortSignal;
  readonly #name = `follow-${nuid.next()}`;
  readonly #waiting: StoredMessage[] = [];
  #pull: Pull | undefined;
  #delivered = 0;
  #lost: string | undefined;
  #woken = Promise.withResolvers<void>();

  constructor(link: Link, signal: AbortSignal) {
    this.#link = link;
    this.#signal = signal;
  }

  async open(manager: JetStreamManager, stream: string, subject: string, first: number): Promise<void> {
    await manager.consumers.add(stream, {
      name: this.#name,
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: first,
      filter_subject: subject,
      inactive_threshold: nanos(forgottenMs),
      mem_storage: true,
      num_replicas: 1,
    });
    this.#pull = new Pull(this.#link.connection, {
      stream,
      consumer: this.#name,
      room: () => aheadMessages - this.#waiting.length,
      onMessage: (message) => {
        const received = parseDelivered(message);
        if (received === undefined) return;
        if (received.deliverySeq !== this.#delivered + 1) this.#lose("a message is missing");
        if (this.#lost !== undefined) return;
        this.#delivered += 1;
        const { subject, seq, time, id, payload } = received;
        this.#waiting.push({ subject, seq, time, id, payload });
        this.#wake();
      },
      onLost: (why) => this.#lose(why),
    });
    this.#pull.restart();
  }

  /** Those that come, in order, until the signal aborts. Throws when the place is lost. */
  async *messages(): AsyncGenerator<StoredMessage, void> {
    const wake = () => this.#wake();
    this.#signal.addEventListener("abort", wake, { once: true });
    using _ = this.#link.watch(() => this.#lose("the connection was lost"));
    try {
      while (!this.#signal.aborted) {
        const message = this.#waiting.shift();
        if (message !== undefined) {
          yield message;
          this.#pull?.ask();
        } else if (this.#lost !== undefined) {
          throw new Error(this.#lost);
        } else {
          await this.#woken.promise;
          this.#woken = Promise.withResolvers<void>();
        }
      }
    } finally {
      this.#signal.removeEventListener("abort", wake);
    }
  }

  async close(manager: JetStreamManager, stream: string): Promise<void> {
    this.#pull?.abandon();
    if (!this.#link.connected || this.#link.closed) return;
    try {
      await manager.consumers.delete(stream, this.#name);
    } catch {
      // Its node is gone, or it never was; the server forgets it by itself.
    }
  }

  #lose(why: string): void {
    this.#lost ??= why;
    this.#wake();
  }

  #wake(): void {
    this.#woken.resolve();
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  signal.addEventListener("abort", end, { once: true });
  const timer = setTimeout(end, pauseMs);
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
}
