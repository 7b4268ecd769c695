import type { Limits } from "../types.ts";

/** How a limit is asked for: numbers of units that people use. */
export interface LimitField {
  readonly name: keyof Limits;
  readonly label: string;
  readonly unit: string;
  /** Of the limit's own unit in one of the field's. */
  readonly scale: number;
  readonly meaning: string;
}

const mib = 2 ** 20;

export const limitFields: readonly LimitField[] = [
  {
    ...{ name: "sizeBytes", label: "Size", unit: "MiB", scale: mib },
    meaning: "All that it occupies on disk. Above it, rows are read and deleted only.",
  },
  {
    ...{ name: "connections", label: "Connections", unit: "", scale: 1 },
    meaning: "Of workers, clients and this page together. Who comes then waits.",
  },
  {
    ...{ name: "statementMs", label: "Time of a statement", unit: "seconds", scale: 1_000 },
    meaning: "A statement that takes longer is cancelled.",
  },
  {
    ...{ name: "lockMs", label: "Wait for a lock", unit: "seconds", scale: 1_000 },
    meaning: "A statement that waits longer fails.",
  },
  {
    ...{ name: "idleInTransactionMs", label: "Silence in a transaction", unit: "seconds", scale: 1_000 },
    meaning: "A session that says nothing for longer is ended.",
  },
  {
    ...{ name: "resultRows", label: "Rows of an answer", unit: "rows", scale: 1 },
    meaning: "Through a binding, HTTP or the console. Clients with a connection have no such limit.",
  },
  {
    ...{ name: "resultBytes", label: "Bytes of an answer", unit: "MiB", scale: mib },
    meaning: "As for rows.",
  },
  {
    ...{ name: "workMemBytes", label: "Memory of a sort", unit: "MiB", scale: mib },
    meaning: "What takes more goes to temporary files.",
  },
  {
    ...{ name: "tempFileBytes", label: "Temporary files", unit: "MiB", scale: mib },
    meaning: "Of one session. A statement that needs more fails.",
  },
];

/** What a field's text means in the limit's own unit; undefined when it is no number. */
export function readLimit({ scale }: LimitField, text: string): number | undefined {
  const value = Number(text.trim().replace(",", "."));
  return text.trim() === "" || Number.isNaN(value) ? undefined : Math.round(value * scale);
}

export function showLimit({ scale }: LimitField, value: number): string {
  return String(Number((value / scale).toFixed(3)));
}
