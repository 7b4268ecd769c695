import type { Module } from "@openworkers/core";
import type { ByteMeter } from "../cells/byte-meter.ts";

/**
 * CPU that is earned by each byte that a cell reads or writes. Moving bytes is the runtime's work, not the worker's.
 * Measured over 100 MiB of requests' bodies, objects, and responses of servers and services: reading chunk by chunk
 * costs 13.8 to 16.1 ms per MiB (workerd gives pieces of 4 KiB, a turn of the event loop each), with a BYOB reader 1.5
 * to 1.8; writing what JavaScript makes 1.7 to 3.3; passing a body on as it is 1.1 to 2.7 for both. What is read earns half as much again: the same work was
 * seen to cost more while the other processor was busy.
 */
const msPerByteRead = 24 / 2 ** 20;
const msPerByteWritten = 4 / 2 ** 20;

/**
 * What a cell may keep for later. The runner counts bytes up to some socket buffers earlier than the cell spends CPU on
 * them; more than that is no bill for bytes any more, and who passes much on at little cost is not to save it up.
 */
const maxCarriedMs = 250;

/**
 * CPU, in milliseconds, that a fresh cell has for each MiB of its code. Frameworks import most of it with the first request,
 * and V8 compiles a function when it is first called. Measured, first request less a later one: Next.js 16 160 ms with 4.4 MiB,
 * Nuxt 4 70 ms with 0.7 MiB, React Router 8 20 ms with 0.7 MiB; on a busy machine half as much again. For the largest worker it is a
 * second, as for its start.
 */
const msPerMiBOfCode = 100;

/** What a fresh cell of these modules may use to get ready, in milliseconds of CPU, beside its requests' limits. */
export function warmUpMs(modules: readonly Module[]): number {
  let codeBytes = 0;
  for (const { type, content } of modules) if (codeTypes.has(type)) codeBytes += content.byteLength;
  return (codeBytes / 2 ** 20) * msPerMiBOfCode;
}

const codeTypes: ReadonlySet<Module["type"]> = new Set(["esModule", "commonJsModule", "wasm"]);

/** CPU, in milliseconds, that is earned by bytes moved. */
export function earnedMs(read: number, written: number): number {
  return read * msPerByteRead + written * msPerByteWritten;
}

/**
 * What a cell has for getting ready, and what it earns with bytes that it moves through its bindings and its way out. For
 * which request it does either cannot be seen, so it pays for the cell's CPU time before that counts against anybody's limit.
 */
export class CpuCredit implements ByteMeter {
  readonly #warmUpMs: number;
  #warmingMs = 0;
  #earnedMs = 0;

  /** @param warmUpMs CPU time that the cell has once, from its first request on */
  constructor(warmUpMs = 0) {
    this.#warmUpMs = warmUpMs;
  }

  /** CPU time that went into getting ready so far: that of a turn of the event loop, too, is no loop's. */
  get warmingMs(): number {
    return this.#warmingMs;
  }

  moved(read: number, written: number): void {
    this.#earnedMs += earnedMs(read, written);
  }

  /** Pays for CPU time used since the last call as far as it can, and returns how much: milliseconds. */
  pay(usedMs: number): number {
    const warmingMs = Math.min(usedMs, this.#warmUpMs - this.#warmingMs);
    this.#warmingMs += warmingMs;
    const paidMs = Math.min(usedMs - warmingMs, this.#earnedMs);
    this.#earnedMs = Math.min(maxCarriedMs, this.#earnedMs - paidMs);
    return warmingMs + paidMs;
  }
}
