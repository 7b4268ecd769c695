import { type LogRecord, messageOf, OpenWorkersError } from "@openworkers/core";
import { z } from "zod";
import type { EndReason } from "./fan-out.ts";
import type { LogFilter } from "./filter.ts";

/** How long a platform on this machine may take to say that it is there. */
const statusTimeoutMs = 2_000;

/** Whether a platform serves its live logs at `socketPath`. */
export async function isAnswering(socketPath: string): Promise<boolean> {
  try {
    const response = await fetch("http://openworkers/status", {
      unix: socketPath,
      signal: AbortSignal.timeout(statusTimeoutMs),
    });
    return response.ok;
  } catch {
    return false;
  }
}

const servesSchema = z.object({ serves: z.boolean() });

/** Several times within what a deploy takes to reach a runner, 150 ms at most. */
const askAgainMs = 5;

/** Resolves with `true` once the platform at `socketPath` serves a version, with `false` when `signal` aborts before. */
export async function untilServed(
  socketPath: string,
  worker: string,
  version: number,
  signal: AbortSignal,
): Promise<boolean> {
  const query = new URLSearchParams({ worker, version: String(version) });
  while (!signal.aborted) {
    const response = await fetch(`http://openworkers/serves?${query}`, { unix: socketPath }).catch(
      () => undefined,
    );
    // Nobody there: the platform has stopped since, and serves nothing.
    if (response === undefined) return false;
    if (servesSchema.parse(await response.json()).serves) return true;
    await Bun.sleep(askAgainMs);
  }
  return false;
}

export interface ReadLogsOptions {
  readonly filter: LogFilter;
  readonly signal: AbortSignal;
  /** Called when records from now on arrive. */
  readonly onConnected?: () => void;
}

/**
 * The records of a running platform as they come, until `signal` aborts.
 *
 * @throws OpenWorkersError NOT_FOUND when nobody serves there, OVERLOADED when we read too slowly.
 */
export async function* readLiveLogs(socketPath: string, options: ReadLogsOptions): AsyncGenerator<LogRecord> {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(options.filter)) if (value !== undefined) query.set(key, value);
  const response = await fetch(`http://openworkers/logs?${query}`, {
    unix: socketPath,
    signal: options.signal,
    // Bun gives up after five minutes of silence otherwise.
    timeout: false,
  }).catch((cause: unknown) => {
    throw new OpenWorkersError("NOT_FOUND", `The platform's live logs do not answer: ${messageOf(cause)}`, {
      hint: "Start the platform with `ow up`, on this machine.",
      cause,
    });
  });
  if (!response.ok || response.body === null) {
    throw new OpenWorkersError("INVALID_INPUT", `The filter was refused: ${await response.text()}`);
  }
  options.onConnected?.();
  let end: EndReason = "stopped";
  try {
    for await (const { event, data } of events(response.body)) {
      if (event === "end") end = data === "slow" ? "slow" : "stopped";
      else yield JSON.parse(data) as LogRecord;
    }
  } catch (thrown) {
    if (options.signal.aborted) return;
    throw new OpenWorkersError("NOT_FOUND", `The live logs broke off: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  if (options.signal.aborted) return;
  if (end === "slow") {
    throw new OpenWorkersError(
      "OVERLOADED",
      "More log records came than could be shown, and the platform let go.",
      {
        hint: "Narrow them down with --level, --search or --status.",
      },
    );
  }
  throw new OpenWorkersError("NOT_FOUND", "The platform has stopped.", {
    hint: "Start it again with `ow up`.",
  });
}

/** Server-sent events (HTML Standard §9.2), as far as our own server writes them. */
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<{ event: string; data: string }> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const fields = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const field = (name: string) =>
        fields.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field("data");
      if (data !== undefined) yield { event: field("event") ?? "message", data };
    }
  }
}
