import type { LogRecord, RequestId } from "@openworkers/core";
import type { LogFilter } from "@openworkers/logs";

/** Tells, once, when the end of an id that was asked for turns out to be that of several requests. */
export function watchShortId(
  { requestId: asked }: LogFilter,
  warn: (text: string) => void,
): (record: LogRecord) => void {
  let first: RequestId | undefined;
  let told = false;
  return ({ requestId }) => {
    if (asked === undefined || requestId === undefined || told) return;
    first ??= requestId;
    if (requestId === first) return;
    told = true;
    warn(
      `Several requests' ids end in ${asked}, as ${first} and ${requestId}: give one of them to --request.`,
    );
  };
}
