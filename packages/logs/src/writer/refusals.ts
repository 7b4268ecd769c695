import { isOpenWorkersError } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import type { Positioned } from "../records.ts";
import { type StorableBatch, storeBatches } from "../store/store-batches.ts";

/** SQLSTATE classes of errors that are a value's own: data exception, constraint violation, program limit exceeded. */
const ofValues = /^(22|23|54)/;

/** Whether PostgreSQL refused a value, and would refuse it again; all else may be better the next time. */
export function isRefusal(thrown: unknown): boolean {
  if (isOpenWorkersError(thrown)) return thrown.code === "INVALID_INPUT" || thrown.code === "CONFLICT";
  return (
    thrown instanceof Error &&
    "code" in thrown &&
    typeof thrown.code === "string" &&
    ofValues.test(thrown.code)
  );
}

class Undone extends Error {}

/**
 * The records of a batch that PostgreSQL takes, found by halving; nothing is stored.
 *
 * @throws OpenWorkersError DATABASE_UNAVAILABLE
 */
export async function acceptable(database: Database, batch: StorableBatch): Promise<Positioned[]> {
  const { records } = batch;
  if (records.length === 0 || (await takes(database, batch))) return [...records];
  if (records.length === 1) return [];
  const middle = records.length >> 1;
  return [
    ...(await acceptable(database, { ...batch, records: records.slice(0, middle) })),
    ...(await acceptable(database, { ...batch, records: records.slice(middle) })),
  ];
}

async function takes(database: Database, batch: StorableBatch): Promise<boolean> {
  try {
    await storeBatches(database, [batch], () => {
      throw new Undone();
    });
  } catch (thrown) {
    if (thrown instanceof Undone) return true;
    if (isRefusal(thrown)) return false;
    throw thrown;
  }
  return true;
}
