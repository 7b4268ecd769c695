import { type ErrorCode, errorTable, messageOf, OpenWorkersError, type WorkerId } from "@openworkers/core";
import { z } from "zod";

const failureSchema = z.object({
  error: z.object({
    code: z.custom<ErrorCode>((code) => typeof code === "string" && Object.hasOwn(errorTable, code)),
    message: z.string(),
    hint: z.string().optional(),
  }),
});

/** Where the records of a worker, or of all, are: the service's own paths unless given. */
export interface LogPaths {
  query(workerId: WorkerId): string;
  follow(workerId: WorkerId | undefined): string;
}

export const serviceLogPaths: LogPaths = {
  query: (workerId) => `workers/${workerId}/logs/query`,
  follow: (workerId) => (workerId === undefined ? "logs" : `workers/${workerId}/logs`),
};

/** Of the platform's API, below `/v1/`. */
export const apiLogPaths: LogPaths = {
  query: (workerId) => `workers/${workerId}/logs`,
  follow: (workerId) => (workerId === undefined ? "logs/stream" : `workers/${workerId}/logs/stream`),
};

export function logsUrl(base: string, path: string, search: URLSearchParams): string {
  const url = new URL(path, base);
  url.search = search.toString();
  return url.href;
}

/** Query parameters of what is given. */
export function searchOf(values: Readonly<Record<string, string | number | undefined>>): URLSearchParams {
  const given = Object.entries(values).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return new URLSearchParams(given);
}

/** What went wrong with a connection, without Bun's advice to whoever wrote the call. */
export function failureOf(thrown: unknown): string {
  return messageOf(thrown).replace(/\s*For more information, pass `verbose: true`.*$/s, "");
}

/**
 * The answer of the logs service.
 *
 * @throws OpenWorkersError NOT_FOUND when nobody answers, and what the service answers with
 */
export async function askLogs(
  url: string,
  { token, lastEventId, signal }: { token: string; lastEventId?: string; signal: AbortSignal },
): Promise<Response> {
  const response = await fetch(url, {
    headers: {
      authorization: `Bearer ${token}`,
      ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
    },
    signal,
    // Bun gives up after five minutes of silence otherwise.
    timeout: false,
  }).catch((cause: unknown) => {
    throw new OpenWorkersError("NOT_FOUND", `The logs service does not answer: ${failureOf(cause)}`, {
      hint: "Start the platform with `ow up`, or say where its logs service is: OW_LOGS_URL",
      cause,
    });
  });
  if (response.ok) return response;
  const failure = failureSchema.safeParse(await response.json().catch(() => undefined));
  if (!failure.success) {
    throw new OpenWorkersError("NOT_FOUND", `What answers at ${new URL(url).origin} is no logs service.`);
  }
  const { code, message, hint } = failure.data.error;
  throw new OpenWorkersError(code, message, hint === undefined ? {} : { hint });
}
