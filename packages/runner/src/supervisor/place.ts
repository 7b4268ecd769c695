import type { RequestId } from "@openworkers/core";
import type { Lease, Verdict } from "../cells/lease.ts";
import type { Span } from "../tracing/span.ts";
import { earnedMs } from "./cpu-credit.ts";
import type { CpuAccount } from "./cpu-ledger.ts";
import type { RunningCell } from "./running-cell.ts";

/** A request's place in a running cell. */
export class Place implements Lease {
  readonly #cell: RunningCell;
  readonly #requestId: RequestId;
  readonly #account: CpuAccount;
  readonly coldStart: boolean;
  #released = false;

  constructor(cell: RunningCell, requestId: RequestId, account: CpuAccount, coldStart: boolean) {
    this.#cell = cell;
    this.#requestId = requestId;
    this.#account = account;
    this.coldStart = coldStart;
  }

  get socketPath(): string {
    return this.#cell.cell.httpSocket;
  }

  get doors(): readonly string[] {
    return this.#cell.cell.doors;
  }

  get eventsSocket(): string {
    return this.#cell.cell.eventsSocket;
  }

  again(span?: Span): Lease | undefined {
    return this.#cell.gone ? undefined : this.#cell.lease({ requestId: this.#requestId, span }, false);
  }

  cpuMs(): number {
    return this.#account.cpuMs;
  }

  moved(read: number, written: number): void {
    this.#account.creditMs += earnedMs(read, written);
  }

  renew(): void {
    this.#account.creditMs = Math.max(this.#account.creditMs, this.#account.cpuMs);
  }

  verdict(): Promise<Verdict> {
    return this.#cell.verdict(this.#account);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#cell.release(this.#requestId, this.#account);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
