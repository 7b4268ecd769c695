import type { Bus } from "@openworkers/bus";
import type { InvocationRecord, LogLine, LogRecord, RequestId, WorkerId } from "@openworkers/core";
import { startTestRunner, type TestRunner } from "../../runner/testing/test-runner.ts";
import type { EventEnd, QueueEnd, QueueRun, ScheduledRun } from "../dispatch.ts";

const never = new AbortController().signal;
const isOf = (requestId: RequestId) => (record: LogRecord) => record.requestId === requestId;

/** A whole runner that is given events. */
export class EventRig implements AsyncDisposable {
  readonly runner: TestRunner;

  private constructor(runner: TestRunner) {
    this.runner = runner;
  }

  /** @param bus where due crons come from; the caller's, and to be disposed of after this */
  static async start(bus?: Bus): Promise<EventRig> {
    return new EventRig(await startTestRunner({}, undefined, bus));
  }

  scheduled(workerId: WorkerId, given: Partial<ScheduledRun> = {}, signal = never): Promise<EventEnd> {
    const event = { workerId, cron: "*/5 * * * *", scheduledTime: 1_700_000_000_000, wallMs: 60_000 };
    return this.runner.runner.events.scheduled({ ...event, ...given }, signal);
  }

  queue(workerId: WorkerId, given: Partial<QueueRun> = {}, signal = never): Promise<QueueEnd> {
    const event = { workerId, queue: "jobs", messages: [], wallMs: 60_000 };
    return this.runner.runner.events.queue({ ...event, ...given }, signal);
  }

  /** The lines that were written in one event, once so many of them have come. */
  async lines({ requestId }: Pick<EventEnd, "requestId">, count: number): Promise<LogLine[]> {
    for (;;) {
      const lines = this.runner.records.filter((record) => record.kind === "line").filter(isOf(requestId));
      if (lines.length >= count) return lines;
      await Bun.sleep(1);
    }
  }

  /** Resolves when the worker has written a line that is `message`. */
  async written(worker: string, message: string): Promise<void> {
    const isIt = (record: LogRecord) =>
      record.worker === worker && record.kind === "line" && record.message === message;
    while (!this.runner.records.some(isIt)) await Bun.sleep(1);
  }

  /** The record of one event. */
  invocation({ requestId }: Pick<EventEnd, "requestId">): InvocationRecord | undefined {
    return this.runner.records.filter((record) => record.kind === "invocation").find(isOf(requestId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runner[Symbol.asyncDispose]();
  }
}
