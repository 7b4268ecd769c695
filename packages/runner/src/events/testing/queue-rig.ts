import type { Bus } from "@openworkers/bus";
import {
  type QueueConsumerSettings,
  type QueueId,
  queueConsumerSettings,
  queueSubject,
  streams,
  type WorkerId,
} from "@openworkers/core";
import { createResource } from "@openworkers/db";
import type { TestRunner } from "../../runner/testing/test-runner.ts";

/** A worker that sends what it is posted, tells what it is delivered, and does with it what `handler` does. */
export const queueWorker = (handler: string) => `
  export default {
    async fetch(request, env) {
      const { messages, options } = await request.json();
      try {
        const [first] = messages;
        const sent = messages.length === 1 ? await env.QUEUE.send(first.body, first) : await env.QUEUE.sendBatch(messages, options);
        return Response.json({ sent });
      } catch (error) {
        return Response.json({ error: error.message });
      }
    },
    async queue(batch, env, ctx) {
      console.log(JSON.stringify({ queue: batch.queue, got: batch.messages.map(({ id, body, attempts }) => [body, attempts, id]) }));
      ${handler}
    },
  };`;

/** A queue, and a worker that sends to it and takes from it. */
export interface QueueRig {
  readonly worker: string;
  readonly workerId: WorkerId;
  readonly queueId: QueueId;
  readonly queue: string;
  send(...bodies: unknown[]): Promise<unknown>;
  post(messages: readonly object[], options?: object): Promise<unknown>;
  /** Body and attempt of each delivery, batch by batch. */
  batches(): [unknown, number][][];
  /** Attempts of each body, in order. */
  attempts(): Record<string, number[]>;
  stored(): Promise<number>;
}

/** Makes queues with workers on one runner, and tells what was delivered. */
export class QueueRigs {
  readonly #runner: TestRunner;
  readonly #bus: Bus;
  #count = 0;

  constructor(runner: TestRunner, bus: Bus) {
    this.#runner = runner;
    this.#bus = bus;
  }

  async make(handler: string, settings: Partial<QueueConsumerSettings> = {}): Promise<QueueRig> {
    const worker = `worker-${++this.#count}`;
    const queue = `queue-${this.#count}`;
    const queueId = await createResource(this.#runner.database, "queue", {
      name: queue,
      by: this.#runner.operator,
    });
    const workerId = await this.#runner.deploy(worker, queueWorker(handler), {
      bindings: { QUEUE: { kind: "queue", queueId } },
      consumers: [
        { queue, settings: queueConsumerSettings({ maxBatchSize: 3, maxBatchTimeout: 1, ...settings }) },
      ],
    });
    const batches = () =>
      this.deliveriesOf(worker).map((got) => got.map(([body, attempts]) => [body, attempts]));
    const post: QueueRig["post"] = async (messages, options) =>
      (
        await this.#runner.get(worker, "/", { method: "POST", body: JSON.stringify({ messages, options }) })
      ).json();
    return {
      ...{ worker, workerId, queue, queueId, post },
      send: (...bodies) => post(bodies.map((body) => ({ body }))),
      batches: () => batches() as [unknown, number][][],
      attempts() {
        const all: Record<string, number[]> = {};
        for (const [body, attempts] of batches().flat()) {
          all[String(body)] = [...(all[String(body)] ?? []), Number(attempts)];
        }
        return all;
      },
      stored: () => this.#bus.stored(streams.queues.name, queueSubject(queueId)),
    };
  }

  /** What a worker was delivered, batch by batch: body, attempt and id of each message. */
  deliveriesOf(worker: string): [unknown, number, string][][] {
    return this.#messages(worker, "log").map((message) => JSON.parse(message).got);
  }

  /** What the platform has told a worker's owner. */
  errorsOf(worker: string): string[] {
    return this.#messages(worker, "error");
  }

  #messages(worker: string, level: "log" | "error"): string[] {
    return this.#runner.records.flatMap((record) =>
      record.kind === "line" && record.worker === worker && record.level === level ? [record.message] : [],
    );
  }
}

export async function until(met: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await met())) await Bun.sleep(10);
}
