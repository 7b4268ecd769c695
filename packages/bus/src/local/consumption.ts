import type { Report } from "@openworkers/core";
import type { ConsumerDefinition, Consumption, Message } from "../bus.ts";
import { type Delivery, handleDelivery } from "../delivery.ts";
import type { LocalConsumer } from "./consumer.ts";

/** One of those who share a consumer's messages. */
export class LocalConsumption implements Consumption {
  readonly #consumer: LocalConsumer;
  readonly #definition: ConsumerDefinition;
  readonly #handle: (message: Message) => Promise<void>;
  readonly #report: Report;
  readonly #under = new Set<Promise<void>>();
  #reserved = 0;
  #disposed = false;

  constructor(
    consumer: LocalConsumer,
    definition: ConsumerDefinition,
    handle: (message: Message) => Promise<void>,
    report: Report,
  ) {
    this.#consumer = consumer;
    this.#definition = definition;
    this.#handle = handle;
    this.#report = report;
    consumer.join(this, definition);
  }

  get handling(): number {
    return this.#under.size;
  }

  /** How many more messages it may be given. */
  get room(): number {
    return this.#disposed ? 0 : this.#definition.inFlight - this.#under.size - this.#reserved;
  }

  /** A message is on its way: `take` or `release` follows. */
  reserve(): void {
    this.#reserved += 1;
  }

  release(): void {
    this.#reserved -= 1;
    this.#consumer.wake();
  }

  /** Handles the message; `false` when it has been disposed of, and then somebody else should. */
  take(delivery: Delivery): boolean {
    if (this.#disposed) return false;
    this.#reserved -= 1;
    const work = handleDelivery(delivery, this.#handle, this.#definition, this.#report).finally(() => {
      this.#under.delete(work);
      this.#consumer.wake();
    });
    this.#under.add(work);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#consumer.leave(this);
    await Promise.all(this.#under);
  }
}
