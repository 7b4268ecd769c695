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
import type { QueueCounter } from "../queues/counter.ts";
import type { NewQueueMessage, QueueSummary, QueuesBackend } from "./queues.ts";

/** Queues, through the database; what is on the bus is the runners', and is only counted. */
export class SqlQueues implements QueuesBackend {
  readonly #database: Database;
  readonly #by: () => Promise<UserId>;
  readonly #count: QueueCounter;

  constructor(database: Database, by: () => Promise<UserId>, count: QueueCounter) {
    this.#database = database;
    this.#by = by;
    this.#count = count;
  }

  async list(): Promise<QueueSummary[]> {
    const queues = await listQueues(this.#database);
    return await this.#counted(queues, queues);
  }

  /** `queues` with the numbers of what is on the bus. `all` has their dead-letter queues. */
  async #counted(queues: readonly Queue[], all: readonly Queue[]): Promise<QueueSummary[]> {
    const letters = new Map(queues.map((queue) => [queue.id, deadLetterQueueOf(queue, all)]));
    const asked = [...queues, ...letters.values()].flatMap((queue) =>
      queue === undefined ? [] : [queue.id],
    );
    const counts = await this.#count([...new Set(asked)]);
    return queues.map((queue) => toSummary(queue, letters.get(queue.id), counts));
  }

  async get(nameOrId: string): Promise<QueueSummary> {
    const { id } = await getResource(this.#database, "queue", { nameOrId, by: await this.#by() });
    const all = await listQueues(this.#database);
    const queue = all.find((candidate) => candidate.id === id);
    const [summary] = queue === undefined ? [] : await this.#counted([queue], all);
    if (summary !== undefined) return summary;
    throw new OpenWorkersError("NOT_FOUND", `The queue "${nameOrId}" was deleted meanwhile.`);
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

/** A queue's dead letters go to one of the same owner's, by its name. */
function deadLetterQueueOf({ owner, consumer }: Queue, all: readonly Queue[]): Queue | undefined {
  const name = consumer?.settings.deadLetterQueue;
  return name === undefined ? undefined : all.find((queue) => queue.owner === owner && queue.name === name);
}

function toSummary(
  { id, name, owner, createdAt, paused, delayed, consumer }: Queue,
  deadLetterQueue: Queue | undefined,
  counts: Awaited<ReturnType<QueueCounter>>,
): QueueSummary {
  const { waiting = null, inFlight = null } = counts?.get(id) ?? {};
  const dead = deadLetterQueue && counts?.get(deadLetterQueue.id);
  const deadLetters =
    dead === undefined ? null : dead.waiting + dead.inFlight + (deadLetterQueue?.delayed ?? 0);
  const queue = { id, name, owner, createdAt, paused, delayed, waiting, inFlight, deadLetters };
  if (consumer === undefined) return { ...queue, consumer };
  const { queueId: _, ...summary } = consumer;
  return { ...queue, consumer: summary };
}
