import { type LogRecord, OpenWorkersError, type WorkerId } from "@openworkers/core";
import type { LogFilter } from "../filter.ts";
import type { EndReason } from "../http/event-stream.ts";
import { readEvents } from "./events.ts";
import { askLogs, failureOf, type LogPaths, logsUrl, searchOf, serviceLogPaths } from "./request.ts";
import { Silence } from "./silence.ts";

export interface FollowLogsOptions {
  /** Of the logs service. Asked for each connection: it may have another after a restart. */
  readonly url: () => Promise<string>;
  /** Asked for again when the service no longer takes the last. */
  readonly token: () => Promise<string>;
  /** All that the token lets read without. */
  readonly workerId?: WorkerId;
  readonly filter: LogFilter;
  /** Records to begin with, at most; or all since then, in Unix milliseconds. */
  readonly history?: number;
  readonly since?: number;
  readonly signal: AbortSignal;
  readonly paths?: LogPaths;
  /** Called when nothing more can be missed, at the first connection. */
  readonly onConnected?: () => void;
  /** Called when a connection broke off, before it is made again. */
  readonly onLost?: (why: string) => void;
}

const pauseMs = { first: 100, longest: 3_000 } as const;

/**
 * Records as they come, without gap or duplicate across restarts of the service, until `signal` aborts.
 *
 * @throws OpenWorkersError NOT_FOUND when the service cannot be reached at first, OVERLOADED when we read too slowly,
 * FORBIDDEN, INVALID_INPUT
 */
export async function* followLogs(options: FollowLogsOptions): AsyncGenerator<LogRecord, void> {
  const { signal } = options;
  const state: State = { last: undefined, token: await options.token(), connected: false };
  let pause: number = pauseMs.first;
  while (!signal.aborted) {
    const before = state.last;
    try {
      const end = yield* readOnce(options, state);
      if (end === "slow") throw slow();
      if (end === "expired") state.token = await options.token();
      if (end === "failed") throw new OpenWorkersError("INTERNAL", "The logs cannot be read.");
      options.onLost?.(`the stream ended (${end})`);
    } catch (thrown) {
      if (signal.aborted) return;
      if (!isTemporary(thrown) || !state.connected) throw thrown;
      if (thrown instanceof OpenWorkersError && thrown.code === "UNAUTHORIZED")
        state.token = await options.token();
      options.onLost?.(failureOf(thrown));
    }
    pause = state.last === before ? Math.min(pause * 2, pauseMs.longest) : pauseMs.first;
    await Bun.sleep(pause);
  }
}

interface State {
  last: string | undefined;
  token: string;
  connected: boolean;
}

async function* readOnce(options: FollowLogsOptions, state: State): AsyncGenerator<LogRecord, EndReason> {
  const { workerId, filter, history, since, signal } = options;
  const { paths = serviceLogPaths } = options;
  const query = state.last === undefined ? { ...filter, history, since } : filter;
  using silence = new Silence();
  const response = await askLogs(logsUrl(await options.url(), paths.follow(workerId), searchOf(query)), {
    token: state.token,
    signal: AbortSignal.any([signal, silence.signal]),
    ...(state.last === undefined ? {} : { lastEventId: state.last }),
  });
  let end: EndReason = "stopped";
  if (response.body === null) return end;
  for await (const { event, id, data } of readEvents(response.body)) {
    silence.broken();
    if (event === "end") end = data as EndReason;
    else if (data !== undefined) yield JSON.parse(data) as LogRecord;
    // After the record was taken: who breaks off between sees it again, and not never.
    if (id === undefined) continue;
    state.last = id;
    if (!state.connected) options.onConnected?.();
    state.connected = true;
  }
  return end;
}

function isTemporary(thrown: unknown): boolean {
  if (!(thrown instanceof OpenWorkersError)) return true;
  return ["NOT_FOUND", "UNAUTHORIZED", "DATABASE_UNAVAILABLE", "BUS_UNAVAILABLE"].includes(thrown.code);
}

function slow(): OpenWorkersError {
  return new OpenWorkersError(
    "OVERLOADED",
    "More log records came than could be shown, and the service let go.",
    {
      hint: "Narrow them down with --level, --search or --status.",
    },
  );
}
