import type { RequestId } from "@openworkers/core";
import type { QueueRun, ScheduledRun } from "./dispatch.ts";

/** What the prelude's entrypoint for events (prelude/inside/events.js) is told, before the messages' bodies. */
type EventHead =
  | ({ readonly type: "scheduled" } & Pick<ScheduledRun, "cron" | "scheduledTime">)
  | {
      readonly type: "queue";
      readonly queue: string;
      readonly metrics: QueueRun["metrics"];
      readonly messages: readonly Record<string, string | number>[];
    };

const noMetrics = { backlogCount: 0, backlogBytes: 0 };

/** The request that gives a cell a cron's event. */
export function scheduledRequest({ cron, scheduledTime }: ScheduledRun, requestId: RequestId): Buffer {
  return request({ type: "scheduled", cron, scheduledTime }, [], requestId);
}

/** The request that gives a cell a batch of messages. */
export function queueRequest(run: QueueRun, requestId: RequestId): Buffer {
  const messages = run.messages.map(({ id, sentAt, attempts, contentType, body }) => ({
    ...{ id, sentAt, attempts, contentType },
    bytes: body.byteLength,
  }));
  const head = { type: "queue", queue: run.queue, metrics: run.metrics ?? noMetrics, messages } as const;
  const bodies = run.messages.map(({ body }) => body);
  return request(head, bodies, requestId);
}

function request(head: EventHead, bodies: readonly Uint8Array[], requestId: RequestId): Buffer {
  const json = Buffer.from(JSON.stringify(head), "utf8");
  const bytes = bodies.reduce((total, body) => total + body.byteLength, json.length);
  const lines = [
    "POST / HTTP/1.1",
    "host: events",
    `x-request-id: ${requestId}`,
    `x-ow-event: ${json.length}`,
    `content-length: ${bytes}`,
    "connection: close",
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), json, ...bodies]);
}
