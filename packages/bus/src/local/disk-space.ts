import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { OpenWorkersError } from "@openworkers/core";

/** Asked for again after so long, or so much that was written. */
const freshMs = 250;
const freshBytes = 4 * 2 ** 20;

/**
 * Keeps some of the disk free. To hand over and to acknowledge a message is written down as well: on a full disk nothing
 * could be taken from the bus any more, and so nothing would make room.
 */
export class DiskSpace {
  readonly #directory: string;
  readonly #reserveBytes: number;
  #free = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #written = 0;

  /** @param path a file on the disk */
  constructor(path: string, reserveBytes: number) {
    this.#directory = dirname(path);
    this.#reserveBytes = reserveBytes;
  }

  /** Whether a message of so many bytes may be stored. @throws OpenWorkersError BUS_FULL */
  take(bytes: number): void {
    const now = performance.now();
    if (now - this.#askedAt > freshMs || this.#written > freshBytes) {
      const { bavail, bsize } = statfsSync(this.#directory);
      this.#free = bavail * bsize;
      this.#askedAt = now;
      this.#written = 0;
    }
    this.#written += bytes;
    if (this.#free - this.#written >= this.#reserveBytes) return;
    throw new OpenWorkersError(
      "BUS_FULL",
      "The disk of the bus is full, but for what it needs to hand messages over.",
      {
        hint: `Make room on the disk of ${this.#directory}.`,
      },
    );
  }
}
