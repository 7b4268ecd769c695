import type { LogLine, LogRecord, WorkerId } from "@openworkers/core";
import { type EncodedBatch, encodeBatches } from "./batch.ts";

/** Open records of so many bytes are made a batch; some three hundred lines. */
const batchBytes = 256 * 1_024;

/** What one worker has logged and the bus does not have yet, in order. Its batches are sent one after the other. */
export class Lane {
  readonly workerId: WorkerId;
  /** Waits for its turn, or is being served. */
  busy = false;
  #open: LogRecord[] = [];
  #openBytes = 0;
  #openLines = 0;
  #batches: EncodedBatch[] = [];
  #batchBytes = 0;
  /** Says whose log it is. */
  #last: LogRecord | undefined;
  #droppedLines = 0;
  #droppedInvocations = 0;

  constructor(workerId: WorkerId) {
    this.workerId = workerId;
  }

  /** Of the buffer. */
  get bytes(): number {
    return this.#openBytes + this.#batchBytes;
  }

  get empty(): boolean {
    return this.#open.length === 0 && this.#batches.length === 0;
  }

  /** Records were dropped, and the worker's log does not say so yet. */
  get owesWord(): boolean {
    return this.#droppedLines + this.#droppedInvocations > 0;
  }

  get records(): number {
    let count = this.#open.length;
    for (const { lines, invocations } of this.#batches) count += lines + invocations;
    return count;
  }

  /** A batch need not wait for more records. */
  get full(): boolean {
    return this.#batches.length > 0;
  }

  /** There are lines among what is open. */
  get hasLines(): boolean {
    return this.#openLines > 0;
  }

  push(record: LogRecord, bytes: number): void {
    this.#last = record;
    this.#open.push(record);
    this.#openBytes += bytes;
    if (record.kind === "line") this.#openLines += 1;
    if (this.#openBytes >= batchBytes) this.#seal();
  }

  drop(record: LogRecord): void {
    this.#last = record;
    if (record.kind === "line") this.#droppedLines += 1;
    else this.#droppedInvocations += 1;
  }

  /** The bus will never take a batch. */
  dropFirst(): void {
    const batch = this.shift();
    this.#droppedLines += batch?.lines ?? 0;
    this.#droppedInvocations += batch?.invocations ?? 0;
  }

  /** What the worker's log says of records that were dropped. */
  takeWord(): LogLine | undefined {
    const of = this.#last;
    if (of === undefined || !this.owesWord) return undefined;
    const lines = counted(this.#droppedLines, "line");
    const invocations = counted(this.#droppedInvocations, "invocation");
    this.#droppedLines = 0;
    this.#droppedInvocations = 0;
    const { workerId, worker, versionId, version } = of;
    const what = [lines, invocations].filter((text) => text !== "").join(" and ");
    return {
      kind: "line",
      time: Date.now(),
      workerId,
      worker,
      versionId,
      version,
      level: "warn",
      message: `… ${what} dropped`,
    };
  }

  /** The batch to be sent now, which stays until `shift`; of all that is open when there is none. */
  first(): EncodedBatch | undefined {
    if (this.#batches.length === 0) this.#seal();
    return this.#batches[0];
  }

  /** Takes the first batch out. */
  shift(): EncodedBatch | undefined {
    const batch = this.#batches.shift();
    if (batch !== undefined) this.#batchBytes -= batch.payload.length;
    return batch;
  }

  #seal(): void {
    if (this.#open.length === 0) return;
    const batches = encodeBatches(this.#open);
    this.#open = [];
    this.#openBytes = 0;
    this.#openLines = 0;
    for (const batch of batches) {
      this.#batches.push(batch);
      this.#batchBytes += batch.payload.length;
    }
  }
}

function counted(count: number, name: string): string {
  return count === 0 ? "" : `${count.toLocaleString("en")} ${count === 1 ? name : `${name}s`}`;
}
