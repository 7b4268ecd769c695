import { type InvocationRecord, type LogLine, type LogRecord, logLevels } from "@openworkers/core";
import { type BulkTransaction, CopyRows } from "@openworkers/db";
import type { Position } from "../position.ts";
import type { Positioned } from "../records.ts";
import { type Day, dayOf } from "./days.ts";
import { partitionOf } from "./partitions.ts";

interface Table<Kind extends LogRecord> {
  readonly name: string;
  readonly columns: readonly string[];
  readonly write: (rows: CopyRows, record: Kind, position: Position) => void;
}

// The columns that both tables have come first, as `base` writes them.
const baseColumns = ["time", "position", "index", "worker_id", "version_id", "version", "worker"];

const lines = table<LogLine>("logs", ["request_id", "level", "message", "exception"], (rows, line) => {
  if (line.requestId === undefined) rows.null();
  else rows.uuid(line.requestId);
  rows.int2(logLevels.indexOf(line.level)).text(line.message);
  if (line.exception === undefined) rows.null();
  else rows.jsonb(line.exception);
});

const invocations = table<InvocationRecord>(
  "invocations",
  [
    "request_id",
    "status",
    "wall_ms",
    "cpu_ms",
    "cold_start",
    "trigger",
    "outcome",
    "method",
    "host",
    "path",
    "event",
  ],
  (rows, invocation) => {
    const { event } = invocation;
    rows.uuid(invocation.requestId).int4(invocation.status);
    rows.float8(invocation.wallMs).float8(invocation.cpuMs).bool(invocation.coldStart);
    rows.text(invocation.trigger).text(invocation.outcome);
    rows.text(invocation.method).text(invocation.host).text(invocation.path);
    if (event === undefined) rows.null();
    else rows.text(event);
  },
);

function table<Kind extends LogRecord>(
  name: string,
  own: readonly string[],
  writeOwn: (rows: CopyRows, record: Kind) => void,
): Table<Kind> {
  const columns = [...baseColumns, ...own];
  return {
    name,
    columns,
    write(rows, record, { batch, index }) {
      rows.timestamptz(record.time).int8(batch).int4(index);
      rows.uuid(record.workerId).uuid(record.versionId).int4(record.version).text(record.worker);
      writeOwn(rows, record);
    },
  };
}

/**
 * Adds records to their tables: by COPY, which costs PostgreSQL half of what an INSERT from JSON does. PostgreSQL takes none
 * into a table with row-level security forced on it, so it goes into the days' partitions, which nobody but their owner
 * reaches.
 */
export async function copyRecords(
  transaction: BulkTransaction,
  records: readonly Positioned[],
): Promise<void> {
  const ofLines = new Filling(lines);
  const ofInvocations = new Filling(invocations);
  for (const { record, position } of records) {
    if (record.kind === "line") ofLines.add(record, position);
    else ofInvocations.add(record, position);
  }
  await ofLines.copy(transaction);
  await ofInvocations.copy(transaction);
}

/** Rows for a table, by the days that they are of; nothing is made for one that gets none. */
class Filling<Kind extends LogRecord> {
  readonly #table: Table<Kind>;
  readonly #days = new Map<Day, CopyRows>();

  constructor(into: Table<Kind>) {
    this.#table = into;
  }

  add(record: Kind, position: Position): void {
    const day = dayOf(record.time);
    const rows = this.#days.get(day) ?? new CopyRows();
    this.#days.set(day, rows);
    rows.row(this.#table.columns.length);
    this.#table.write(rows, record, position);
  }

  async copy(transaction: BulkTransaction): Promise<void> {
    const { name, columns } = this.#table;
    // The oldest first, as every writer does: none waits for another that waits for it.
    for (const [day, rows] of [...this.#days].toSorted(([a], [b]) => a - b)) {
      const partition = partitionOf(name, day);
      await transaction.copy(
        `copy ${partition} (${columns.join(", ")}) from stdin (format binary)`,
        rows.bytes(),
      );
    }
  }
}
