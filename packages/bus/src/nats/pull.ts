import {
  createInbox,
  type Msg,
  type NatsConnection,
  nanos,
  type Subscription,
} from "@nats-io/transport-node";

// The server speaks at least every `heartbeatMs` while it owes us messages; when it has not for `silenceMs`, then the node
// that led the consumer is gone and with it what we asked for.
const heartbeatMs = 2_000;
const silenceMs = 5_000;
const expiresMs = 30_000;

export interface PullOptions {
  readonly stream: string;
  readonly consumer: string;
  /** How many more messages may be on their way to us now. */
  readonly room: () => number;
  readonly onMessage: (message: Msg) => void;
  /** What was asked for is lost: `restart` has to be called, once the consumer is known to be there. */
  readonly onLost: (why: string) => void;
}

/**
 * Asks a pull consumer for as many messages as there is room for, and no more: what waits in a process's memory would have
 * its time to be acknowledged run out, and others could have had it.
 */
export class Pull {
  readonly #connection: NatsConnection;
  readonly #options: PullOptions;
  #subscription: Subscription | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #inbox = "";
  #wanted = 0;
  #heardAt = 0;

  constructor(connection: NatsConnection, options: PullOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Forgets what was asked for and asks anew. */
  restart(): void {
    this.abandon();
    // What was asked for under the old name, and still comes, is nobody's: it is delivered again.
    this.#inbox = createInbox(inboxPrefixOf(this.#connection));
    this.#subscription = this.#connection.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (error === null) this.#receive(message);
        else this.#lose(error.message);
      },
    });
    this.#heardAt = Date.now();
    this.#watch = setInterval(() => {
      if (this.#wanted > 0 && Date.now() - this.#heardAt > silenceMs) this.#lose("no heartbeat");
    }, heartbeatMs);
    this.ask();
  }

  /** Asks for as many as there is room for by now. */
  ask(): void {
    const more = this.#options.room() - this.#wanted;
    // A request for each message that was handled would be as much traffic again.
    if (
      this.#subscription === undefined ||
      more <= 0 ||
      (this.#wanted > 0 && more < this.#options.room() / 4)
    )
      return;
    if (this.#wanted === 0) this.#heardAt = Date.now();
    this.#wanted += more;
    this.#connection.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${this.#options.stream}.${this.#options.consumer}`,
      JSON.stringify({ batch: more, expires: nanos(expiresMs), idle_heartbeat: nanos(heartbeatMs) }),
      { reply: this.#inbox },
    );
  }

  /** Asks for no more, and resolves when nothing that was asked for is on its way any longer. */
  async stop(): Promise<void> {
    const subscription = this.#subscription;
    this.#subscription = undefined;
    clearInterval(this.#watch);
    if (subscription !== undefined && !subscription.isClosed() && !this.#connection.isClosed()) {
      await subscription.drain();
    }
  }

  #receive(message: Msg): void {
    this.#heardAt = Date.now();
    const status = message.headers?.code ?? 0;
    if (status === 0) {
      this.#wanted = Math.max(0, this.#wanted - 1);
      this.#options.onMessage(message);
      return;
    }
    if (status === 100) return;
    // The rest of a request that came to its end: of time (408), or by a limit of the server (409).
    const unfulfilled = Number(message.headers?.get("Nats-Pending-Messages") || Number.NaN);
    if (Number.isNaN(unfulfilled)) this.#lose(message.headers?.description ?? `status ${status}`);
    else {
      this.#wanted = Math.max(0, this.#wanted - unfulfilled);
      if (status === 408) this.ask();
      else this.#lose(message.headers?.description ?? `status ${status}`);
    }
  }

  #lose(why: string): void {
    if (this.#subscription === undefined) return;
    this.abandon();
    this.#options.onLost(why);
  }

  /** Asks for no more; what is on its way is lost to us. */
  abandon(): void {
    clearInterval(this.#watch);
    if (this.#subscription !== undefined && !this.#subscription.isClosed()) this.#subscription.unsubscribe();
    this.#subscription = undefined;
    this.#wanted = 0;
  }
}

// The connection knows under which prefix we may listen; its type does not say so.
function inboxPrefixOf(connection: NatsConnection): string | undefined {
  if (!("options" in connection)) return undefined;
  const { options } = connection;
  if (typeof options !== "object" || options === null || !("inboxPrefix" in options)) return undefined;
  return typeof options.inboxPrefix === "string" ? options.inboxPrefix : undefined;
}
