import { ApiError } from "@openworkers/client";

/** What the API says of fields of the request, by their paths: "is too short". */
export function issuesOf(thrown: unknown): ReadonlyMap<string, string> {
  const issues = thrown instanceof ApiError ? thrown.details?.["issues"] : undefined;
  return new Map(
    (Array.isArray(issues) ? issues : []).flatMap(({ path, message }) =>
      typeof message === "string" ? [[Array.isArray(path) ? path.join(".") : String(path), message]] : [],
    ),
  );
}

/** What it says of one field. */
export function issueOf(thrown: unknown, field: string): string | undefined {
  return issuesOf(thrown).get(field);
}

/** What a reader is told of an error: a sentence, and the next step when there is one. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // A resource of Angular's wraps what its loader threw.
  if (thrown.cause instanceof ApiError) return messageOf(thrown.cause);
  const hint = thrown instanceof ApiError && thrown.hint !== undefined ? ` ${thrown.hint}` : "";
  return `${thrown.message}${hint}`;
}

/** The code of the platform's error table, when it is one of those. */
export function codeOf(thrown: unknown): string | undefined {
  if (thrown instanceof ApiError) return thrown.code;
  return thrown instanceof Error && thrown.cause instanceof ApiError ? thrown.cause.code : undefined;
}
