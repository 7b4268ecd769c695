import { isOpenWorkersError, OpenWorkersError } from "@openworkers/core";

/** What a handler of `PLATFORM` answers that cannot do what it was asked: `{code, message, hint?, details?}`. */
export function failureAnswer(thrown: unknown, report: (error: unknown) => void): Response {
  const error = visible(thrown, report);
  return Response.json(error, { status: statusOf(error) });
}

/** An operator's error may name addresses, and what is no error of ours anything: neither is for a cell. */
function visible(thrown: unknown, report: (error: unknown) => void): OpenWorkersError {
  if (isOpenWorkersError(thrown)) {
    if (thrown.fault === "user" || thrown.fault === "worker" || thrown.code === "OVERLOADED") return thrown;
    report(thrown);
    return new OpenWorkersError(thrown.code, "The platform cannot do this now.", {
      hint: "Try again later.",
    });
  }
  report(thrown);
  return new OpenWorkersError("INTERNAL", "The platform failed.");
}

/** An object store's errors have statuses of their own, which are HTTP's. */
function statusOf({ status, details }: OpenWorkersError): number {
  if (details?.storage === "preconditionFailed") return 412;
  return details?.storage === "invalidRange" ? 416 : status;
}
