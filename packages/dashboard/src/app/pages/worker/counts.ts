import { Injectable, inject } from "@angular/core";
import type { components } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";

type Statistics = components["schemas"]["AccountStatistics"];

/** Requests and errors of the last day, hour by hour. */
export interface DayOfWorker {
  readonly requests: number;
  readonly errors: number;
  readonly requestsByHour: readonly number[];
  readonly errorsByHour: readonly number[];
}

const hourMs = 3_600_000;
/** Names that fit a URL. */
const namesAtOnce = 50;

/** What workers did in the last day. */
@Injectable({ providedIn: "root" })
export class Counts {
  private readonly client = inject(Api);
  private readonly account = inject(Account);

  /** Of the account's busiest workers, by name. */
  async ofAccount(signal: AbortSignal): Promise<ReadonlyMap<string, DayOfWorker>> {
    return byWorker([await this.#read({}, signal)]);
  }

  /** Of these, by name; a worker without requests is left out. */
  async of(names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, DayOfWorker>> {
    const parts = Array.from({ length: Math.ceil(names.length / namesAtOnce) }, (_, part) =>
      names.slice(part * namesAtOnce, (part + 1) * namesAtOnce).join(","),
    );
    return byWorker(await Promise.all(parts.map((workers) => this.#read({ workers }, signal))));
  }

  #read(which: { readonly workers?: string }, signal: AbortSignal): Promise<Statistics> {
    const query = { ...this.account.query(), ...which };
    return this.client.data(this.client.api.GET("/v1/stats", { params: { query }, signal }));
  }
}

/** The sum of all. */
export function inAll(days: Iterable<DayOfWorker>): DayOfWorker {
  return [...days].reduce(
    (sum, day) => ({
      requests: sum.requests + day.requests,
      errors: sum.errors + day.errors,
      requestsByHour: added(sum.requestsByHour, day.requestsByHour),
      errorsByHour: added(sum.errorsByHour, day.errorsByHour),
    }),
    { requests: 0, errors: 0, requestsByHour: [], errorsByHour: [] },
  );
}

function added(a: readonly number[], b: readonly number[]): number[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, at) => (a[at] ?? 0) + (b[at] ?? 0));
}

function byWorker(answers: readonly Statistics[]): ReadonlyMap<string, DayOfWorker> {
  return new Map(
    answers.flatMap(({ from, to, workers }) => {
      const hourOf = (time: string) => Math.floor(Date.parse(time) / hourMs);
      const first = hourOf(from);
      const hours = Array.from({ length: hourOf(to) - first + 1 }, () => 0);
      return workers.map(({ worker, requests, errors, steps }): [string, DayOfWorker] => {
        const [requestsByHour, errorsByHour] = [[...hours], [...hours]];
        for (const step of steps) {
          requestsByHour[hourOf(step.time) - first] = step.requests;
          errorsByHour[hourOf(step.time) - first] = step.errors;
        }
        return [worker, { requests, errors, requestsByHour, errorsByHour }];
      });
    }),
  );
}
