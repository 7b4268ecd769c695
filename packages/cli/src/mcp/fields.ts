import { z } from "zod";

/** Arguments that many tools take. What a name may be is the platform's to say, once. */
export const fields = {
  worker: z.string().min(1).describe("Name of the worker"),
  nameOrId: (what: string) => z.string().min(1).describe(`Name or id of the ${what}`),
  message: z.string().max(1_000).optional().describe("Why; kept with the deployment"),
  limit: (most: number, usual: number) =>
    z.int().min(1).max(most).default(usual).describe("How many at most"),
  names: z.array(z.string().min(1)).min(1).max(100),
} as const;

/** `value` without its fields that are undefined, for options that may be absent and not undefined. */
export function given<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
