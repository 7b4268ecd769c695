import type { components } from "@openworkers/client";
import { formatBytes } from "../../ui/bytes.ts";
import { formatCount, formatDuration } from "./amounts.ts";

type Limits = components["schemas"]["Limits"];

interface LimitGroup {
  readonly name: string;
  readonly rows: readonly (readonly [name: string, value: string])[];
}

/** The platform's limits as a reader looks for them. */
export function limitRows({
  worker,
  database,
  scriptBytes,
  assets,
  cronsPerWorker,
  kv,
  queues,
}: Limits): LimitGroup[] {
  return [
    {
      name: "A worker, unless it asks for something else",
      rows: [
        ["CPU time of a request", formatDuration(worker.cpuMs)],
        ["Memory", formatBytes(worker.memoryBytes)],
        ["Time to the first byte", formatDuration(worker.firstByteMs)],
        ["Work after the response", formatDuration(worker.backgroundMs)],
        ["Request body", formatBytes(worker.bodyBytes)],
        ["Requests at a time", formatCount(worker.concurrency)],
        ["Requests that wait", formatCount(worker.queueLength)],
        ["Subrequests", formatCount(worker.subrequests)],
        ["Code", formatBytes(scriptBytes)],
        ["Static files", formatCount(assets.files)],
        ["Largest static file", formatBytes(assets.fileBytes)],
        ["Crons", formatCount(cronsPerWorker)],
      ],
    },
    {
      name: "A database",
      rows: [
        ["Size", formatBytes(database.sizeBytes)],
        ["Connections", formatCount(database.connections)],
        ["A statement", formatDuration(database.statementMs)],
        ["Rows of a result", formatCount(database.resultRows)],
        ["Size of a result", formatBytes(database.resultBytes)],
        ["Idle in a transaction", formatDuration(database.idleInTransactionMs)],
      ],
    },
    {
      name: "KV",
      rows: [
        ["Key", formatBytes(kv.keyBytes)],
        ["Value", formatBytes(kv.valueBytes)],
        ["Metadata", formatBytes(kv.metadataBytes)],
      ],
    },
    {
      name: "Queues",
      rows: [
        ["Message", formatBytes(queues.messageBytes)],
        ["Delay", formatDuration(queues.delaySeconds * 1_000)],
      ],
    },
  ];
}
