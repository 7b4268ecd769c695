import { z } from "@hono/zod-openapi";
import { type ErrorCode, OpenWorkersError } from "@openworkers/core";

/** How every error of the API looks. */
export const errorSchema = z
  .object({
    error: z.object({
      /** Stable: what clients match on. */
      code: z.string().openapi({ example: "NOT_FOUND" }),
      message: z.string(),
      hint: z.string().optional(),
      /** Of a 400 for bad input: `issues`, each with the `path` of the field. */
      details: z.record(z.string(), z.unknown()).optional(),
      requestId: z.string(),
    }),
  })
  .openapi("Error");

/** What is said of errors whose particulars are not the caller's business. */
const said: Partial<Record<ErrorCode, string>> = {
  DATABASE_UNAVAILABLE: "The platform's database cannot be used at the moment.",
  STORAGE_UNAVAILABLE: "The platform's storage cannot be used at the moment.",
  BUS_UNAVAILABLE: "The platform's bus cannot be used at the moment.",
};

/**
 * The answer to a request that failed. What is not the caller's fault is written to the API's own log, and told without
 * particulars.
 */
export function errorResponse(thrown: unknown, requestId: string): Response {
  const error = asOpenWorkersError(thrown);
  const tells = error.fault === "user" || error.fault === "worker" || error.code === "OVERLOADED";
  if (!tells) console.error(`request ${requestId}:`, thrown);
  const { code, message, hint, details, status } = error;
  const body: z.input<typeof errorSchema> = {
    error: {
      code,
      message: tells ? message : (said[code] ?? "Something failed on the platform's side."),
      ...(tells && hint !== undefined ? { hint } : {}),
      ...(tells && details !== undefined ? { details } : {}),
      requestId,
    },
  };
  const wait = details?.retryAfterSeconds ?? (status === 503 ? 1 : undefined);
  const retry = typeof wait === "number" ? { "retry-after": String(wait) } : undefined;
  const challenge = status === 401 ? { "www-authenticate": 'Bearer realm="openworkers"' } : undefined;
  return Response.json(body, { status, headers: { ...noStore, ...retry, ...challenge } });
}

/** What an answer to somebody who has signed in may be kept by: nobody. */
export const noStore = { "cache-control": "no-store" };

function asOpenWorkersError(thrown: unknown): OpenWorkersError {
  if (thrown instanceof OpenWorkersError) return thrown;
  const [code, message] = refusalOf(sqlState(thrown));
  if (code !== undefined && message !== undefined)
    return new OpenWorkersError(code, message, { cause: thrown });
  return new OpenWorkersError("INTERNAL", "Something failed.", { cause: thrown });
}

/** What the database refuses that no route has told in better words, by SQLSTATE. */
const refusals: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/^42501$/, "FORBIDDEN", "This is not for you to do."],
  [/^22/, "INVALID_INPUT", "A value is of a kind, or a size, that cannot be."],
  [/^(57014|55P03|25P03)$/, "OVERLOADED", "It took too long; try again."],
];

function refusalOf(state: string): readonly [ErrorCode, string] | readonly [] {
  const found = refusals.find(([pattern]) => pattern.test(state));
  return found === undefined ? [] : [found[1], found[2]];
}

function sqlState(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
}

/** @throws OpenWorkersError INVALID_INPUT that names the fields */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: "path" | "query" | "body" | "metadata" | "headers",
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => ({
    path: issue.path.join("."),
    message: issue.message,
    in: where,
  }));
  const [first] = issues;
  const field = first === undefined || first.path === "" ? `the ${where}` : first.path;
  throw new OpenWorkersError("INVALID_INPUT", `${field}: ${first?.message ?? "not valid"}.`, {
    details: { issues },
  });
}
