import type { QueueConsumerSettings, QueueContentType } from "@openworkers/core";

/** How a worker takes a queue's messages. */
export interface QueueConsumerSummary {
  readonly queue: string;
  readonly worker: string;
  readonly settings: QueueConsumerSettings;
  /** Whether the worker's manifest says so, or somebody did by hand. */
  readonly source: "manifest" | "user";
}

export interface QueueSummary {
  readonly id: string;
  readonly name: string;
  /** Name of the user it belongs to. */
  readonly owner: string;
  readonly createdAt: Date;
  /** Nothing of it is delivered for now. */
  readonly paused: boolean;
  /** Messages that wait for their time. */
  readonly delayed: number;
  /** Messages that wait to be delivered; null when the bus cannot be asked. */
  readonly waiting: number | null;
  /** Messages that a runner has; null when the bus cannot be asked. */
  readonly inFlight: number | null;
  /** Messages in its dead-letter queue, in whatever state; null without one, or when the bus cannot be asked. */
  readonly deadLetters: number | null;
  readonly consumer: QueueConsumerSummary | undefined;
}

export interface NewQueueMessage {
  readonly contentType: QueueContentType;
  readonly body: Uint8Array;
  readonly delaySeconds: number;
}

/** Queues, by their names or ids. */
export interface QueuesBackend {
  /** By name. */
  list(): Promise<QueueSummary[]>;
  get(nameOrId: string): Promise<QueueSummary>;
  create(name: string): Promise<QueueSummary>;
  /** Refused, with the workers' names, while one sends to it, takes its messages or has its dead letters there. */
  delete(nameOrId: string): Promise<void>;
  /** Stops delivery, or goes on with it. */
  pause(nameOrId: string, paused: boolean): Promise<void>;
  /** Removes its messages, those on the bus within a moment. */
  purge(nameOrId: string): Promise<void>;
  /** Returns the message's id; it can be delivered within a second or so. */
  send(nameOrId: string, message: NewQueueMessage): Promise<string>;
  /** Of a queue that has one already, the same worker's is changed. */
  setConsumer(nameOrId: string, worker: string, settings: QueueConsumerSettings): Promise<void>;
  removeConsumer(nameOrId: string): Promise<void>;
}
