import { type ListEntryName, storageError } from "@openworkers/core";
import { z } from "zod";

const name = z.string().regex(/^[^\0]*$/);
const schema = z.union([z.strictObject({ key: name }), z.strictObject({ prefix: name })]);

/** Where a list goes on, as the worker keeps it: nothing but what the worker has seen. */
export function encodeCursor(after: ListEntryName): string {
  return Buffer.from(JSON.stringify(after)).toString("base64url");
}

/** @throws the error invalidArgument */
export function decodeCursor(cursor: string): ListEntryName {
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
  } catch (cause) {
    throw storageError("invalidArgument", "The cursor is not one that list() gave.", { cause });
  }
}
