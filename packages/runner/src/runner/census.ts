import type { Bus } from "@openworkers/bus";
import { isId, newId, type Report } from "@openworkers/core";
import { pause } from "../pause.ts";

const everybody = "ow.runners.ask";
const asker = (id: string) => `ow.runners.tell.${id}`;
/** After the last answer for so long, no other is waited for. */
const quietMs = 150;
const timeoutMs = 1_000;
const againMs = 5_000;
const nothing = new Uint8Array();
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface CensusOptions {
  readonly bus: Bus;
  /** What this runner tells of itself: anything that JSON can hold. */
  readonly status: () => object;
  readonly report: Report;
}

/**
 * The runners on one bus: each tells of itself when one of them asks who there is. Who asks takes the answers on a subject
 * of its own, because a request on the bus has one answer.
 */
export class Census implements AsyncDisposable {
  readonly #options: CensusOptions;
  readonly #leaving = new AbortController();
  readonly #answering: Promise<AsyncDisposable | undefined>;

  /** Joins as soon as the bus answers. */
  constructor(options: CensusOptions) {
    this.#options = options;
    this.#answering = this.#join();
  }

  /**
   * What each runner tells of itself, in the order in which they answered.
   *
   * @throws OpenWorkersError BUS_UNAVAILABLE; NOT_FOUND when not even this runner has joined yet
   */
  async take(): Promise<unknown[]> {
    const { bus } = this.#options;
    const id = newId();
    const told: unknown[] = [];
    let last = 0;
    await using _ = await bus.respond(asker(id), id, async (payload) => {
      told.push(JSON.parse(decoder.decode(payload)));
      last = performance.now();
      return nothing;
    });
    await bus.request(everybody, encoder.encode(id), { timeoutMs });
    for (let left = quietMs; left > 0; left = last + quietMs - performance.now()) await Bun.sleep(left);
    return told;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort();
    await (await this.#answering)?.[Symbol.asyncDispose]();
  }

  async #join(): Promise<AsyncDisposable | undefined> {
    const { bus, status, report } = this.#options;
    while (!this.#leaving.signal.aborted) {
      try {
        // A group of its own: all are asked, not one of them in turn.
        return await bus.respond(everybody, newId(), async (payload) => {
          const id = decoder.decode(payload);
          if (isId(id)) await bus.request(asker(id), encoder.encode(JSON.stringify(status())), { timeoutMs });
          return nothing;
        });
      } catch (error) {
        report("Other runners cannot ask this one: the bus is not to be had.", { error });
        await pause(againMs, this.#leaving.signal);
      }
    }
    return undefined;
  }
}
