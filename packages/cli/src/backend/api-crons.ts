import { allOf, type components, once } from "@openworkers/client";
import { type CronPolicy, isId, OpenWorkersError } from "@openworkers/core";
import type { StoredCron, StoredScheduledEvent } from "@openworkers/db";
import type { ApiScope } from "./api-scope.ts";
import { dateOf } from "./api-values.ts";
import type { AddCron, CronsBackend, HistoryOptions, WhichCron } from "./crons.ts";

/** Crons, through the API. */
export class ApiCrons implements CronsBackend {
  readonly #scope: ApiScope;

  constructor(scope: ApiScope) {
    this.#scope = scope;
  }

  async list(worker?: string): Promise<StoredCron[]> {
    const { client, account } = this.#scope;
    const crons = await allOf((page) =>
      worker === undefined
        ? client.data(client.api.GET("/v1/crons", { params: { query: { ...page, ...account } } }))
        : client.data(
            client.api.GET("/v1/workers/{worker}/crons", { params: { path: { worker }, query: page } }),
          ),
    );
    return crons.map(toCron).sort((a, b) => (a.worker < b.worker ? -1 : a.worker > b.worker ? 1 : 0));
  }

  async add({ worker, policy, ...wanted }: AddCron): Promise<StoredCron> {
    const { client } = this.#scope;
    const params = { path: { worker }, header: once() };
    return toCron(
      await client.data(
        client.api.POST("/v1/workers/{worker}/crons", { params, body: { ...wanted, ...policy } }),
      ),
    );
  }

  async change(which: WhichCron, policy: Partial<CronPolicy>): Promise<StoredCron> {
    return await this.#patch(which, policy);
  }

  async pause(which: WhichCron): Promise<StoredCron> {
    return await this.#patch(which, { paused: true });
  }

  async resume(which: WhichCron): Promise<StoredCron> {
    return await this.#patch(which, { paused: false });
  }

  async remove(which: WhichCron): Promise<StoredCron> {
    const { client } = this.#scope;
    const cron = await this.#find(which);
    await client.api.DELETE("/v1/workers/{worker}/crons/{cron}", {
      params: { path: { worker: which.worker, cron: cron.id } },
    });
    return cron;
  }

  async run(which: WhichCron): Promise<StoredScheduledEvent> {
    const { client } = this.#scope;
    const { id: cron } = await this.#find(which);
    const params = { path: { worker: which.worker, cron }, header: once() };
    return toEvent(await client.data(client.api.POST("/v1/workers/{worker}/crons/{cron}/run", { params })));
  }

  async event(worker: string, event: StoredScheduledEvent["id"]): Promise<StoredScheduledEvent> {
    const { client } = this.#scope;
    const params = { path: { worker, event } };
    return toEvent(await client.data(client.api.GET("/v1/workers/{worker}/events/{event}", { params })));
  }

  async history(worker: string, { cron, limit = 100 }: HistoryOptions): Promise<StoredScheduledEvent[]> {
    const { client } = this.#scope;
    const events: StoredScheduledEvent[] = [];
    let cursor: string | null | undefined;
    do {
      const query = {
        limit: Math.min(100, limit - events.length),
        ...(cron === undefined ? {} : { cron }),
        ...(cursor == null ? {} : { cursor }),
      };
      const page = await client.data(
        client.api.GET("/v1/workers/{worker}/events", { params: { path: { worker }, query } }),
      );
      events.push(...page.items.map(toEvent));
      cursor = page.nextCursor;
    } while (cursor !== null && events.length < limit);
    return events;
  }

  async #patch(
    which: WhichCron,
    body: Partial<CronPolicy> & { readonly paused?: boolean },
  ): Promise<StoredCron> {
    const { client } = this.#scope;
    const { id: cron } = await this.#find(which);
    const params = { path: { worker: which.worker, cron } };
    return toCron(await client.data(client.api.PATCH("/v1/workers/{worker}/crons/{cron}", { params, body })));
  }

  /** The API goes by ids alone; people say the expression. */
  async #find({ worker, cron, timezone }: WhichCron): Promise<StoredCron> {
    const fitting = (await this.list(worker)).filter(
      (each) =>
        (isId<"cron">(cron) ? each.id === cron : each.expression === cron) &&
        (timezone === undefined || each.timezone === timezone),
    );
    const [only, another] = fitting;
    if (only === undefined) {
      throw new OpenWorkersError("NOT_FOUND", `${worker} has no cron "${cron}".`, {
        hint: `List them: ow crons list ${worker}`,
      });
    }
    if (another === undefined) return only;
    throw new OpenWorkersError("CONFLICT", `${worker} has "${cron}" in several time zones.`, {
      hint: `Say which: --timezone ${fitting.map((each) => each.timezone).join(" or --timezone ")}`,
    });
  }
}

function toCron({ id, nextDue, createdAt, ...cron }: components["schemas"]["Cron"]): StoredCron {
  return {
    ...cron,
    id: id as StoredCron["id"],
    nextDue: nextDue === null ? null : dateOf(nextDue),
    createdAt: dateOf(createdAt),
  };
}

function toEvent(event: components["schemas"]["ScheduledEvent"]): StoredScheduledEvent {
  const { dueAt, publishAt, publishedAt, startedAt, finishedAt, ...rest } = event;
  return {
    ...(rest as Omit<
      StoredScheduledEvent,
      "dueAt" | "publishAt" | "publishedAt" | "startedAt" | "finishedAt"
    >),
    dueAt: dateOf(dueAt),
    publishAt: dateOf(publishAt),
    publishedAt: publishedAt === null ? null : dateOf(publishedAt),
    startedAt: startedAt === null ? null : dateOf(startedAt),
    finishedAt: finishedAt === null ? null : dateOf(finishedAt),
  };
}
