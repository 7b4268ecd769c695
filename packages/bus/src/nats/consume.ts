import type { NatsConnection } from "@nats-io/transport-node";
import { type Report, within } from "@openworkers/core";
import type { ConsumerDefinition, Consumption, Message } from "../bus.ts";
import { Delivery, handleDelivery, type Settlement } from "../delivery.ts";
import { explain } from "./faults.ts";
import type { Link } from "./link.ts";
import { Pull } from "./pull.ts";
import { parseDelivered } from "./received.ts";

const ackMs = 10_000;
const pauseMs = 250;
/** Somebody removed the consumer, for whose sake most likely we are about to end: it must not come back for us. */
const removedPauseMs = 5_000;

export interface ConsumeContext {
  readonly link: Link;
  readonly report: Report;
  readonly consumer: ConsumerDefinition;
  readonly handle: (message: Message) => Promise<void>;
  /** Makes the consumer if it is not there. */
  readonly ensure: () => Promise<void>;
}

/** Takes a durable consumer's messages for as long as it is not disposed of. */
export class NatsConsumption implements Consumption {
  readonly #context: ConsumeContext;
  readonly #pull: Pull;
  readonly #under = new Set<Promise<void>>();
  readonly #linkWatch: Disposable;
  #disposed = false;
  #mending = false;

  /** The consumer has to be there. */
  constructor(context: ConsumeContext) {
    this.#context = context;
    const { link, consumer } = context;
    this.#pull = new Pull(link.connection, {
      stream: consumer.stream,
      consumer: consumer.name,
      room: () => (this.#disposed ? 0 : consumer.inFlight - this.#under.size),
      onMessage: (message) => this.#take(message),
      // A refusal that would come again at once must not be asked for again at once.
      onLost: (why) =>
        void Bun.sleep(why === "Consumer Deleted" ? removedPauseMs : pauseMs).then(() => this.#mend()),
    });
    this.#linkWatch = link.watch(() => {
      if (link.connected) void this.#mend();
    });
    this.#pull.restart();
  }

  get handling(): number {
    return this.#under.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#linkWatch[Symbol.dispose]();
    // A server that does not answer, or a connection that is closed, has nothing more to send; what was sent is delivered again.
    await within(
      this.#pull.stop().catch(() => {}),
      2_000,
    );
    await Promise.all(this.#under);
  }

  #take(message: Parameters<typeof parseDelivered>[0]): void {
    const received = parseDelivered(message);
    if (received === undefined || message.reply === undefined) return;
    const settlement = settle(this.#context.link, message.reply, `${received.subject} #${received.seq}`);
    // It came between our wish to stop and the server's knowing it: somebody else may have it at once.
    if (this.#disposed) {
      settlement.retry(0);
      return;
    }
    const { consumer, handle, report } = this.#context;
    const delivery = new Delivery(received, received.deliveries, settlement, consumer.backoffMs);
    const work = handleDelivery(delivery, handle, consumer, report).finally(() => {
      this.#under.delete(work);
      this.#pull.ask();
    });
    this.#under.add(work);
  }

  // The server, a node of it, or the consumer went away: asks anew when the consumer is there, however long that takes.
  async #mend(): Promise<void> {
    if (this.#mending) return;
    this.#mending = true;
    const { link, ensure, report, consumer } = this.#context;
    while (!this.#disposed && !link.closed) {
      try {
        await ensure();
        this.#mending = false;
        if (!this.#disposed) this.#pull.restart();
        return;
      } catch (thrown) {
        report("A consumer of the bus cannot go on yet.", {
          stream: consumer.stream,
          consumer: consumer.name,
          error: explain(thrown, "Cannot consume").message,
        });
        await Bun.sleep(pauseMs);
      }
    }
    this.#mending = false;
  }
}

function settle(link: Link, reply: string, what: string): Settlement {
  const say = (word: string) => {
    // Nobody listens: the message is delivered again when its time is up.
    if (link.connected && !link.closed) publish(link.connection, reply, word);
  };
  return {
    ack: async () => {
      await link.retrying(`Cannot acknowledge ${what}`, ackMs, (timeout) =>
        link.connection.request(reply, "+ACK", { timeout }),
      );
    },
    retry: (delayMs) =>
      say(delayMs > 0 ? `-NAK ${JSON.stringify({ delay: Math.ceil(delayMs) * 1_000_000 })}` : "-NAK"),
    drop: () => say("+TERM"),
    working: () => say("+WPI"),
  };
}

function publish(connection: NatsConnection, subject: string, payload: string): void {
  if (!connection.isClosed() && !connection.isDraining()) connection.publish(subject, payload);
}
