import { readFile } from "node:fs/promises";
import { cellsWithFiles, defaultMaxCells, raiseOpenFiles, readSettings } from "@openworkers/runner";
import type { Finding } from "./finding.ts";

/**
 * Whether a runner may have as many files open as its cells may need: it has the other end of each of their
 * connections.
 *
 * @param pids platforms that run; without any, one that this process would be is looked at
 */
export async function openFilesFindings(pids: readonly number[]): Promise<Finding[]> {
  if (process.platform !== "linux") return [];
  const limits = pids.length === 0 ? [raiseOpenFiles()] : await Promise.all(pids.map(limitOf));
  const maxCells = readSettings(process.env).maxCells ?? defaultMaxCells;
  return [findingOf(Math.min(...limits), maxCells)];
}

function findingOf(limit: number, maxCells: number): Finding {
  const what = "open files";
  const cells = cellsWithFiles(limit);
  if (cells >= maxCells) return { state: "ok", what, says: `${limit}, enough for ${maxCells} cells` };
  return {
    state: "warn",
    what,
    says: `${limit} is enough for ${cells} busy cells, and there may be ${maxCells}: the cells with most connections are ended when files run short`,
    hint: `Raise the hard limit (systemd: LimitNOFILE=1048576; a shell: ulimit -Hn), or set OW_MAX_CELLS=${Math.max(1, cells)}`,
  };
}

async function limitOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/limits`, "utf8").catch(() => "");
  // A platform that has ended meanwhile says nothing.
  return Number(/^Max open files\s+(\d+)/m.exec(text)?.[1] ?? Number.POSITIVE_INFINITY);
}
