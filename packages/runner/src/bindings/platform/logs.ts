import { OpenWorkersError } from "@openworkers/core";

const tokenHeader = "x-log-token";
/** Of the request: what its answer depends on. */
const passed = ["accept", "last-event-id"];
const answered = ["content-type", "cache-control", "retry-after"];

/**
 * `GET /logs/<path>`: the same of the logs service, for whoever holds a log token. An answer is passed on as it comes, as
 * long as the cell reads; when it leaves, so do we.
 *
 * @throws OpenWorkersError OVERLOADED when there is no such service here, or it does not answer
 */
export async function logsAnswer(
  request: Request,
  path: string,
  search: string,
  logsUrl: string | undefined,
): Promise<Response> {
  if (logsUrl === undefined) {
    throw new OpenWorkersError("OVERLOADED", "This runner was not told where logs are read.", {
      hint: "Its operator sets OW_LOGS_URL.",
    });
  }
  const base = new URL(logsUrl);
  const url = new URL(`/${path}${search}`, base);
  // A path that begins with a second slash would name another host.
  if (url.origin !== base.origin) throw new OpenWorkersError("INVALID_INPUT", "No path of the logs service.");
  const headers = new Headers();
  for (const name of passed) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  const token = request.headers.get(tokenHeader);
  if (token !== null) headers.set("authorization", `Bearer ${token}`);
  try {
    const answer = await fetch(url, { headers, signal: request.signal, redirect: "manual" });
    const kept = new Headers();
    for (const name of answered) {
      const value = answer.headers.get(name);
      if (value !== null) kept.set(name, value);
    }
    return new Response(answer.body, { status: answer.status, headers: kept });
  } catch (cause) {
    request.signal.throwIfAborted();
    throw new OpenWorkersError("OVERLOADED", "The logs service does not answer.", {
      cause,
      hint: "Try again.",
    });
  }
}
