import { isOpenWorkersError } from "@openworkers/core";

/** One thing that was looked at. */
export interface Finding {
  readonly state: "ok" | "warn" | "fail";
  readonly what: string;
  readonly says: string;
  /** What to do about it. */
  readonly hint?: string;
}

export function hintOf(thrown: unknown): { hint?: string } {
  return isOpenWorkersError(thrown) && thrown.hint !== undefined ? { hint: thrown.hint } : {};
}
