import type { StoredMessage } from "@openworkers/bus";
import { decodeLogBatch, isOpenWorkersError } from "@openworkers/core";
import { batchPosition } from "../position.ts";
import { type Positioned, positioned, workerOfSubject } from "../records.ts";

/** Readers of one worker are at about the same place; more would only be memory. */
const remembered = 64;

/** Reads messages of the stream once for all readers that come by. */
export class BatchCache {
  readonly #batches = new Map<number, readonly Positioned[]>();

  /** The message's records; none when it is no batch, which the writer tells the operator. */
  read(message: StoredMessage, generation: number): readonly Positioned[] {
    const batch = batchPosition(generation, message.seq);
    const known = this.#batches.get(batch);
    if (known !== undefined) return known;
    const records = decode(message, batch);
    this.#batches.set(batch, records);
    const [oldest] = this.#batches.keys();
    if (this.#batches.size > remembered && oldest !== undefined) this.#batches.delete(oldest);
    return records;
  }
}

function decode({ subject, payload, time }: StoredMessage, batch: number): readonly Positioned[] {
  const workerId = workerOfSubject(subject);
  if (workerId === undefined) return [];
  try {
    return positioned(decodeLogBatch(payload), { batch, workerId, storedAt: time });
  } catch (thrown) {
    if (isOpenWorkersError(thrown, "INVALID_INPUT")) return [];
    throw thrown;
  }
}
