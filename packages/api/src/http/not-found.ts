import { OpenWorkersError } from "@openworkers/core";

/** That something is not there, and where to see what is: `list` is a path below `/v1`. */
export function notFound(message: string, list: string): OpenWorkersError {
  return new OpenWorkersError("NOT_FOUND", message, { hint: `What there is: GET /v1${list}` });
}
