import { readFileSync } from "node:fs";
import { type BindingOf, OpenWorkersError, type UserId, type WorkerId } from "@openworkers/core";
import { type Database, workerOwner } from "@openworkers/db";
import type { Caller } from "../caller.ts";
import type { BindingHandler, BindingPlugin } from "../plugin.ts";
import { jsonResponse } from "../whole-response.ts";
import { RateCounters } from "./counters.ts";

const client = readFileSync(new URL("./client.js", import.meta.url));

/** `env.LIMITER.limit({ key })`: counted in this runner's memory, for all workers of the owner that name the namespace. */
export const rateLimitPlugin: BindingPlugin<"rate-limit"> = {
  kind: "rate-limit",
  configure: () => ({
    type: "wrapped",
    module: { name: "openworkers:rate-limit", type: "esModule", content: client },
  }),
  handler: ({ database }) => new RateLimitHandler(database),
};

const maxKeyBytes = 64 * 1_024;
const sweepMs = 60_000;
/** Workers whose owner is remembered, which never changes. */
const maxOwners = 10_000;

class RateLimitHandler implements BindingHandler<"rate-limit"> {
  readonly #database: Database;
  readonly #counters = new RateCounters();
  readonly #owners = new Map<WorkerId, UserId>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(database: Database) {
    this.#database = database;
    this.#timer = setInterval(() => this.#counters.sweep(performance.now()), sweepMs);
    this.#timer.unref();
  }

  async serve(
    request: Request,
    { settings }: BindingOf<"rate-limit">,
    { target }: Caller,
  ): Promise<Response> {
    const announced = Number(request.headers.get("content-length") ?? Number.POSITIVE_INFINITY);
    // A cell that says it twice says "5, 5", which is no number.
    if (!(announced <= maxKeyBytes)) {
      throw new OpenWorkersError("BODY_TOO_LARGE", `A key is longer than ${maxKeyBytes} bytes.`);
    }
    const key = await request.text();
    const owner = await this.#ownerOf(target.workerId);
    // A clock that nobody sets: a period must not end because somebody corrects the time.
    return jsonResponse({ success: this.#counters.take(owner, settings, key, performance.now()) });
  }

  async #ownerOf(workerId: WorkerId): Promise<UserId> {
    const known = this.#owners.get(workerId);
    if (known !== undefined) return known;
    const owner = await workerOwner(this.#database, workerId);
    if (this.#owners.size >= maxOwners) this.#owners.clear();
    this.#owners.set(workerId, owner);
    return owner;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
  }
}
