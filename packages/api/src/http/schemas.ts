import { z } from "@hono/zod-openapi";

/** A moment; ISO 8601 in JSON. */
export const time = z.date().openapi({ type: "string", format: "date-time" });
/** A moment, or none yet. */
export const timeOrNull = z
  .date()
  .nullable()
  .openapi({ type: ["string", "null"], format: "date-time" });
/** What the platform gives things as ids. */
export const id = z.string().openapi({ format: "uuid" });
/** A name or an id in a path: where both fit, the id goes before. */
export const nameOrId = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => !text.includes("\0"), "holds a NUL character")
  .openapi({ description: "Name or id." });

/** Whose things are meant, of those that the caller has access to. */
export const accountQuery = z.object({
  account: nameOrId
    .optional()
    .openapi({ description: "Name or id of the organisation; the caller's own account without." }),
});

/** Text that people write, such as a message. */
export const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes("\0") && value.isWellFormed(), "is no text that can be stored");

/** Number of a version: what PostgreSQL's integer holds. */
export const versionNumber = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);
