import { messageOf, type Report } from "@openworkers/core";
import type { Message, StoredMessage } from "./bus.ts";

/** How a bus is told what became of a delivery. */
export interface Settlement {
  /** @throws OpenWorkersError BUS_UNAVAILABLE */
  ack(): Promise<void>;
  retry(delayMs: number): void;
  drop(): void;
  working(): void;
}

/** A message in the hands of a handler: the first end it is given counts. */
export class Delivery implements Message {
  readonly subject: string;
  readonly seq: number;
  readonly time: number;
  readonly id: string;
  readonly payload: Uint8Array;
  readonly deliveries: number;
  readonly #settlement: Settlement;
  readonly #backoffMs: readonly number[];
  #ended = false;
  #acknowledging: Promise<void> | undefined;

  constructor(
    stored: StoredMessage,
    deliveries: number,
    settlement: Settlement,
    backoffMs: readonly number[],
  ) {
    this.subject = stored.subject;
    this.seq = stored.seq;
    this.time = stored.time;
    this.id = stored.id;
    this.payload = stored.payload;
    this.deliveries = deliveries;
    this.#settlement = settlement;
    this.#backoffMs = backoffMs;
  }

  get ended(): boolean {
    return this.#ended;
  }

  ack(): Promise<void> {
    if (this.#ended) return this.#acknowledging ?? Promise.resolve();
    this.#ended = true;
    this.#acknowledging = this.#settlement.ack();
    return this.#acknowledging;
  }

  retry(delayMs?: number): void {
    if (this.#ended) return;
    this.#ended = true;
    const next = this.#backoffMs[Math.min(this.deliveries, this.#backoffMs.length) - 1];
    this.#settlement.retry(Math.max(0, delayMs ?? next ?? 0));
  }

  drop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#settlement.drop();
  }

  working(): void {
    if (!this.#ended) this.#settlement.working();
  }
}

/** Has `handle` handle the delivery and sees that it ends. Never rejects: what went wrong is reported. */
export async function handleDelivery(
  delivery: Delivery,
  handle: (message: Message) => Promise<void>,
  consumer: { readonly stream: string; readonly name: string },
  report: Report,
): Promise<void> {
  try {
    await handle(delivery);
    await delivery.ack();
  } catch (thrown) {
    delivery.retry();
    report("A message of the bus was not handled.", {
      stream: consumer.stream,
      consumer: consumer.name,
      id: delivery.id,
      deliveries: delivery.deliveries,
      error: messageOf(thrown),
    });
  }
}
