import type { RequestId } from "@openworkers/core";
import type { Lease, Verdict } from "../cells/lease.ts";
import type { CpuAccount } from "./cpu-ledger.ts";
import type { RunningCell } from "./running-cell.ts";

/**
 * CPU a request earns for each byte that its cell reads or writes. Moving bytes is the runtime's work, not the
 * worker's: reading a 100 MB body chunk by chunk cost 13.8 ms per MiB (workerd gives it in pieces of 4 KiB, a
 * turn of the event loop each), with a BYOB reader 1.8, writing 1.5. A large body is no runaway computation.
 */
const creditMsPerByteRead = 16 / 2 ** 20;
const creditMsPerByteWritten = 2 / 2 ** 20;

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

  again(): Lease | undefined {
    return this.#cell.gone ? undefined : this.#cell.lease(this.#requestId, false);
  }

  cpuMs(): number {
    return this.#account.cpuMs;
  }

  moved(read: number, written: number): void {
    this.#account.creditMs += read * creditMsPerByteRead + written * creditMsPerByteWritten;
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
