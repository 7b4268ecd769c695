import { allOf, type components, once } from "@openworkers/client";
import { OpenWorkersError, type QueueConsumerSettings } from "@openworkers/core";
import type { ApiScope } from "./api-scope.ts";
import { compact, dateOf } from "./api-values.ts";
import type { NewQueueMessage, QueueSummary, QueuesBackend } from "./queues.ts";

/** Queues, through the API. */
export class ApiQueues implements QueuesBackend {
  readonly #scope: ApiScope;

  constructor(scope: ApiScope) {
    this.#scope = scope;
  }

  async list(): Promise<QueueSummary[]> {
    const { client, account } = this.#scope;
    const [queues, counts] = await Promise.all([
      allOf((page) =>
        client.data(client.api.GET("/v1/queues", { params: { query: { ...page, ...account } } })),
      ),
      allOf((page) =>
        client.data(client.api.GET("/v1/queue-counts", { params: { query: { ...page, ...account } } })),
      ),
    ]);
    const of = new Map(counts.map((each) => [each.id, each]));
    return queues.map((queue) => toQueue(queue, of.get(queue.id)));
  }

  async get(nameOrId: string): Promise<QueueSummary> {
    const { client } = this.#scope;
    const params = this.#params(nameOrId);
    const [queue, counts] = await Promise.all([
      client.data(client.api.GET("/v1/queues/{queue}", { params })),
      client.data(client.api.GET("/v1/queues/{queue}/counts", { params })),
    ]);
    return toQueue(queue, counts);
  }

  async create(name: string): Promise<QueueSummary> {
    const { client, account: query } = this.#scope;
    const params = { query, header: once() };
    const { id } = await client.data(client.api.POST("/v1/queues", { params, body: { name } }));
    return await this.get(id);
  }

  async delete(nameOrId: string): Promise<void> {
    await this.#scope.client.api.DELETE("/v1/queues/{queue}", { params: this.#params(nameOrId) });
  }

  async pause(nameOrId: string, paused: boolean): Promise<void> {
    await this.#scope.client.api.PATCH("/v1/queues/{queue}", {
      params: this.#params(nameOrId),
      body: { paused },
    });
  }

  async purge(nameOrId: string): Promise<void> {
    await this.#scope.client.api.DELETE("/v1/queues/{queue}/messages", { params: this.#params(nameOrId) });
  }

  async send(nameOrId: string, { contentType, body, delaySeconds }: NewQueueMessage): Promise<string> {
    const { client } = this.#scope;
    const { id } = await client.data(
      client.api.POST("/v1/queues/{queue}/messages", {
        params: { ...this.#params(nameOrId), header: once() },
        body: { contentType: sent(contentType), body: encoded(contentType, body), delaySeconds },
      }),
    );
    return id;
  }

  async setConsumer(nameOrId: string, worker: string, settings: QueueConsumerSettings): Promise<void> {
    await this.#scope.client.api.PUT("/v1/queues/{queue}/consumer", {
      params: this.#params(nameOrId),
      body: { worker, settings: compact(settings) },
    });
  }

  async removeConsumer(nameOrId: string): Promise<void> {
    await this.#scope.client.api.DELETE("/v1/queues/{queue}/consumer", { params: this.#params(nameOrId) });
  }

  #params(queue: string) {
    return { path: { queue }, query: this.#scope.account };
  }
}

function sent(contentType: NewQueueMessage["contentType"]): "json" | "text" | "bytes" {
  if (contentType !== "v8") return contentType;
  throw new OpenWorkersError("INVALID_INPUT", "Only a worker sends messages of the type v8.");
}

/** As the API wants a message's body: JSON as it is, bytes in base64. */
function encoded(contentType: NewQueueMessage["contentType"], body: Uint8Array): unknown {
  if (contentType === "bytes") return body.toBase64();
  const text = new TextDecoder().decode(body);
  return contentType === "json" ? (JSON.parse(text) as unknown) : text;
}

function toQueue(
  queue: components["schemas"]["Queue"],
  counts: components["schemas"]["QueueCounts"] | undefined,
): QueueSummary {
  const { id, name, account, createdAt, paused, delayed, consumer } = queue;
  return {
    id,
    name,
    owner: account,
    createdAt: dateOf(createdAt),
    paused,
    delayed,
    waiting: counts?.waiting ?? null,
    inFlight: counts?.inFlight ?? null,
    deadLetters: counts?.deadLetters ?? null,
    consumer: consumer ?? undefined,
  };
}
