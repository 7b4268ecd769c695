import { openFiles } from "./proc.ts";

/** Above this share of its files the runner lets go of cells, down to the share below. */
const scarceShare = 0.75;
const enoughShare = 0.6;

/** What any cell may have open however scarce files are: 128 requests, and a few subrequests of each. */
const modestFiles = 512;

/** How many cells can have what any cell may have, all at a time, when the runner may have so many files open. */
export function cellsWithFiles(maxOpenFiles: number): number {
  return Math.floor((maxOpenFiles * enoughShare) / modestFiles);
}

export interface Overgrown {
  readonly files: number;
}

/**
 * The cells to end when the runner's files run short: those with the most connections, as many as it takes. The
 * runner has the other end of each connection of a cell, and of a cell's connection to the outside one more, so that
 * a few workers could take what all others need. None while there are enough.
 *
 * @param maxOpenFiles the runner's own limit
 */
export function overgrownCells<Each extends { readonly pid: number }>(
  cells: readonly Each[],
  maxOpenFiles: number,
): (Each & Overgrown)[] {
  const open = openFiles("self");
  if (open === undefined || open < maxOpenFiles * scarceShare) return [];
  const counted = cells
    .map((each) => ({ ...each, files: openFiles(each.pid) ?? 0 }))
    .filter(({ files }) => files > modestFiles)
    .sort((one, other) => other.files - one.files);
  let excess = open - maxOpenFiles * enoughShare;
  const ended = [];
  for (const each of counted) {
    if (excess <= 0) break;
    excess -= each.files;
    ended.push(each);
  }
  return ended;
}
