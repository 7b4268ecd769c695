import { OpenWorkersError } from "@openworkers/core";

/**
 * systemd's table of user ids calls 0x70000000 and above "unused" (systemd.io/UIDS-GIDS): no account, no
 * container and no dynamic user has these.
 */
export const defaultUidBase = 0x7000_0000;
const uidCount = 65_536;

/** Hands out one user id per cell, so that the kernel's per-user limits are per cell. */
export class CellUsers {
  readonly #base: number;
  readonly #used = new Set<number>();
  #next: number;

  constructor(base: number = defaultUidBase) {
    if (!Number.isInteger(base) || base < 1_000 || base + uidCount > 0x7fff_ffff) {
      throw new OpenWorkersError("CONFIG_INVALID", `OW_CELL_UID_BASE is ${base}.`, {
        hint: `Choose a number from 1000 to ${0x7fff_ffff - uidCount}, with ${uidCount} unused user ids from there.`,
      });
    }
    this.#base = base;
    // Two runners on one machine share the range: a random start keeps their cells apart in practice.
    this.#next = Math.floor(Math.random() * uidCount);
  }

  take(): number {
    for (let tried = 0; tried < uidCount; tried++) {
      const uid = this.#base + this.#next;
      this.#next = (this.#next + 1) % uidCount;
      if (this.#used.has(uid)) continue;
      this.#used.add(uid);
      return uid;
    }
    throw new OpenWorkersError("OVERLOADED", `All ${uidCount} user ids for cells are in use.`);
  }

  release(uid: number): void {
    this.#used.delete(uid);
  }
}
