import { OpenWorkersError } from "@openworkers/core";

/** Where a record is among all records: that of its batch, and its index in the batch. */
export interface Position {
  /** Generation of the stream · 2⁴⁰ + the batch's position in it. Greater than 2⁵³ never. */
  readonly batch: number;
  readonly index: number;
}

const generationSize = 2 ** 40;

/** The position of a batch at `seq` of the stream of a generation. */
export function batchPosition(generation: number, seq: number): number {
  return generation * generationSize + seq;
}

export function generationOf(batch: number): number {
  return Math.floor(batch / generationSize);
}

/** A batch's position in its own stream. */
export function seqOf(batch: number): number {
  return batch % generationSize;
}

/** Negative when `a` comes first. */
export function comparePositions(a: Position, b: Position): number {
  return a.batch - b.batch || a.index - b.index;
}

/** After every record of a batch: what a reader has seen who has seen all of it. */
export function endOf(batch: number): Position {
  return { batch, index: lastIndex };
}

/** More than any batch holds, and what an `integer` of PostgreSQL does. */
const lastIndex = 2 ** 31 - 1;

/** `1099511627777.3`: an event's id, a cursor. */
export function formatPosition({ batch, index }: Position): string {
  return `${batch}.${index}`;
}

/** @throws OpenWorkersError INVALID_INPUT */
export function parsePosition(text: string): Position {
  const [, batch, index] = /^(\d{1,16})\.(\d{1,10})$/.exec(text) ?? [];
  const position = { batch: Number(batch), index: Number(index) };
  if (!Number.isSafeInteger(position.batch) || !(position.index <= lastIndex)) {
    throw new OpenWorkersError("INVALID_INPUT", `"${text.slice(0, 40)}" is not a position in the logs.`, {
      field: "after",
      hint: "Give back one that an earlier answer named.",
    });
  }
  return position;
}
