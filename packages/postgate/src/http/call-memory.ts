import { OpenWorkersError } from "@openworkers/core";

/** What one call holds, until it is disposed of. */
export interface MemoryShare extends Disposable {
  /** @throws OpenWorkersError OVERLOADED */
  take(bytes: number): void;
}

/**
 * The memory that requests and results take while calls are under way, in all and for one tenant: a quarter of it. Whoever
 * would go over it is refused.
 */
export class CallMemory {
  readonly #most: number;
  readonly #byTenant = new Map<string, number>();
  #held = 0;

  constructor(mostBytes = 512 * 2 ** 20) {
    this.#most = mostBytes;
  }

  /** Bytes that calls hold now. */
  get held(): number {
    return this.#held;
  }

  share(tenant: string): MemoryShare {
    return new Share(this, tenant);
  }

  /** @throws OpenWorkersError OVERLOADED */
  take(tenant: string, bytes: number): void {
    const ofTenant = (this.#byTenant.get(tenant) ?? 0) + bytes;
    if (this.#held + bytes > this.#most || ofTenant > this.#most / 4) {
      throw new OpenWorkersError("OVERLOADED", "Too many large requests or results at once.", {
        hint: "Read the answers, or send fewer large ones at a time.",
      });
    }
    this.#held += bytes;
    this.#byTenant.set(tenant, ofTenant);
  }

  giveBack(tenant: string, bytes: number): void {
    const left = (this.#byTenant.get(tenant) ?? 0) - bytes;
    if (left > 0) this.#byTenant.set(tenant, left);
    else this.#byTenant.delete(tenant);
    this.#held -= bytes;
  }
}

class Share implements MemoryShare {
  readonly #memory: CallMemory;
  readonly #tenant: string;
  #own = 0;

  constructor(memory: CallMemory, tenant: string) {
    this.#memory = memory;
    this.#tenant = tenant;
  }

  take(bytes: number): void {
    this.#memory.take(this.#tenant, bytes);
    this.#own += bytes;
  }

  [Symbol.dispose](): void {
    const own = this.#own;
    this.#own = 0;
    if (own > 0) this.#memory.giveBack(this.#tenant, own);
  }
}
