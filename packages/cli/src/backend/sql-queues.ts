import { OpenWorkersError, type QueueConsumerSettings, type UserId } from "@openworkers/core";
import {
  createResource,
  type Database,
  deleteResource,
  getResource,
  listQueues,
  pauseQueue,
  purgeQueue,
  type Queue,
  removeQueueConsumer,
  sendToQueue,
  setQueueConsumer,
} from "@openworkers/db";
import type { NewQueueMessage, QueueSummary, QueuesBackend } from "./queues.ts";

/** Queues, through the database alone: what is on the bus is the runners'. */
export class SqlQueues implements QueuesBackend {
  readonly #database: Database;
  readonly #by: () => Promise<UserId>;

  constructor(database: Database, by: () => Promise<UserId>) {
    this.#database = database;
    this.#by = by;
  }

  async list(): Promise<QueueSummary[]> {
    return (await listQueues(this.#database)).map(toSummary);
  }

  async get(nameOrId: string): Promise<QueueSummary> {
    const { id } = await getResource(this.#database, "queue", { nameOrId, by: await this.#by() });
    const queue = (await listQueues(this.#database)).find((candidate) => candidate.id === id);
    if (queue === undefined)
      throw new OpenWorkersError("NOT_FOUND", `The queue "${nameOrId}" was deleted meanwhile.`);
    return toSummary(queue);
  }

  async create(name: string): Promise<QueueSummary> {
    return await this.get(await createResource(this.#database, "queue", { name, by: await this.#by() }));
  }

  async delete(nameOrId: string): Promise<void> {
    await deleteResource(this.#database, "queue", { nameOrId, by: await this.#by() });
  }

  async pause(nameOrId: string, paused: boolean): Promise<void> {
    await pauseQueue(this.#database, { nameOrId, paused, by: await this.#by() });
  }

  async purge(nameOrId: string): Promise<void> {
    await purgeQueue(this.#database, { nameOrId, by: await this.#by() });
  }

  async send(nameOrId: string, message: NewQueueMessage): Promise<string> {
    return await sendToQueue(this.#database, { nameOrId, ...message, by: await this.#by() });
  }

  async setConsumer(queue: string, worker: string, settings: QueueConsumerSettings): Promise<void> {
    await setQueueConsumer(this.#database, { queue, worker, settings, by: await this.#by() });
  }

  async removeConsumer(queue: string): Promise<void> {
    await removeQueueConsumer(this.#database, { queue, by: await this.#by() });
  }
}

function toSummary({ id, name, owner, createdAt, paused, delayed, consumer }: Queue): QueueSummary {
  if (consumer === undefined) return { id, name, owner, createdAt, paused, delayed, consumer };
  const { queueId: _, ...summary } = consumer;
  return { id, name, owner, createdAt, paused, delayed, consumer: summary };
}
