import { isOpenWorkersError, OpenWorkersError } from "@openworkers/core";

/** What the query protocol answers when a call fails. Anything that is not an error of ours says nothing of itself. */
export function failureAnswer(thrown: unknown): Response {
  const error = isOpenWorkersError(thrown)
    ? thrown
    : new OpenWorkersError("INTERNAL", "Something went wrong; the operator finds it in the log.");
  const { code, message, hint, details } = error;
  return Response.json(
    { error: { code, message, ...(hint === undefined ? {} : { hint }), ...details } },
    { status: error.status, headers: code === "OVERLOADED" ? { "retry-after": "1" } : {} },
  );
}
