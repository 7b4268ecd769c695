import type { LogRecord } from "@openworkers/core";
import { OpenWorkersError } from "@openworkers/core/errors";
import { readEvents } from "@openworkers/logs/events";
import { Silence } from "@openworkers/logs/silence";
import type { ApiClient } from "./client.ts";
import { ApiError } from "./errors.ts";
import type { paths } from "./generated/api.ts";
import { sleep } from "./sleep.ts";

type Query = NonNullable<paths["/v1/workers/{worker}/logs/stream"]["get"]["parameters"]["query"]>;

export interface FollowLogsOptions {
  /** Name or id; all workers of the account without. */
  readonly worker?: string;
  /** Which records, and where to begin. */
  readonly query?: Query;
  readonly signal: AbortSignal;
  /** Called when a stream broke off, before it is taken up again. */
  readonly onLost?: (why: string) => void;
  /** Called for each stream, as soon as nothing more can be missed. */
  readonly onConnected?: () => void;
}

const pauseMs = { first: 200, longest: 5_000 } as const;
const gone = new Set(["UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND", "INVALID_INPUT"]);

/**
 * Records as they come, without gap or duplicate when a stream breaks off, until `signal` aborts.
 *
 * @throws ApiError when the first stream cannot be had, or what is followed is gone; OVERLOADED when we read too slowly
 */
export async function* followLogs(
  client: ApiClient,
  { worker, query = {}, signal, onLost, onConnected }: FollowLogsOptions,
): AsyncGenerator<LogRecord, void> {
  const path =
    worker === undefined ? "/v1/logs/stream" : `/v1/workers/${encodeURIComponent(worker)}/logs/stream`;
  let last: string | undefined;
  let pause: number = pauseMs.first;
  let connected = false;
  while (!signal.aborted) {
    using silence = new Silence();
    try {
      const search = last === undefined ? query : { ...query, history: undefined, since: undefined };
      const headers = last === undefined ? {} : { "last-event-id": last };
      const response = await client.fetch(path + searchOf(search), {
        headers,
        signal: AbortSignal.any([signal, silence.signal]),
      });
      connected = true;
      let placed = false;
      for await (const { event, id, data } of readEvents(response.body ?? new Blob().stream())) {
        silence.broken();
        if (event === "end" && data === "slow") throw tooSlow();
        if (event !== "end" && data !== undefined) yield JSON.parse(data) as LogRecord;
        // After the record was taken: who breaks off between sees it again, and not never.
        if (id !== undefined) last = id;
        if (id !== undefined && !placed) onConnected?.();
        placed ||= id !== undefined;
        pause = pauseMs.first;
      }
      onLost?.("the stream ended");
    } catch (thrown) {
      if (signal.aborted) return;
      const final =
        thrown instanceof ApiError ? thrown.httpStatus !== 0 && gone.has(thrown.code) : isOurs(thrown);
      if (final || !connected) throw thrown;
      onLost?.(thrown instanceof Error ? thrown.message : String(thrown));
    }
    await sleep(pause, signal).catch(() => {});
    pause = Math.min(pause * 2, pauseMs.longest);
  }
}

function isOurs(thrown: unknown): boolean {
  return thrown instanceof OpenWorkersError;
}

function tooSlow(): OpenWorkersError {
  return new OpenWorkersError(
    "OVERLOADED",
    "More log records came than could be taken, and the platform let go.",
    {
      hint: "Narrow them down by level, search or status.",
    },
  );
}

function searchOf(query: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}
