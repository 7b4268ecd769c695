import { ApiError } from "@openworkers/client";

/** What the API says of a field of the request, by the field's path: "is too short". */
export function issueOf(thrown: unknown, field: string): string | undefined {
  const issues = thrown instanceof ApiError ? thrown.details?.["issues"] : undefined;
  if (!Array.isArray(issues)) return undefined;
  const found = issues.find(({ path }) => (Array.isArray(path) ? path.join(".") : path) === field);
  return typeof found?.message === "string" ? found.message : undefined;
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
  return thrown instanceof ApiError ? thrown.code : undefined;
}
