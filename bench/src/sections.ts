import type { OpenWorkers } from "./contenders/openworkers.ts";
import { measureApi } from "./measures/api.ts";
import { benchAssets } from "./measures/assets.ts";
import { benchCells, benchNeighbours, benchThroughput } from "./measures/core.ts";
import { measureCrons } from "./measures/crons.ts";
import { measureDashboard } from "./measures/dashboard.ts";
import { benchDatabase } from "./measures/database.ts";
import { measureKv } from "./measures/kv.ts";
import { measureLogs } from "./measures/logs.ts";
import { measureRpc } from "./measures/rpc.ts";
import { measureWire } from "./measures/wire.ts";
import { rowsTable } from "./report.ts";
import type { BenchSize } from "./size.ts";

/** What can be measured alone, each printed as lines. */
export const sections: Readonly<
  Record<string, (platform: OpenWorkers, size: BenchSize) => Promise<string[]>>
> = {
  throughput: benchThroughput,
  neighbours: benchNeighbours,
  cells: benchCells,
  api: async (platform, size) => [rowsTable(await measureApi(platform, size))],
  assets: (_, size) => benchAssets(size),
  crons: async (_, size) => [rowsTable(await measureCrons(size))],
  dashboard: async (_, size) => [rowsTable(await measureDashboard(size))],
  database: (_, size) => benchDatabase(size),
  kv: async (platform, size) => [rowsTable(await measureKv(platform, size))],
  logs: async (_, size) => [rowsTable(await measureLogs(size))],
  rpc: async (platform, size) => [rowsTable(await measureRpc(platform, size))],
  wire: async (_, size) => [rowsTable(await measureWire(size))],
};
