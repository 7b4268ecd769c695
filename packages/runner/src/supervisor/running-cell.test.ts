import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits, newId } from "@openworkers/core";
import { CellBudget } from "../subrequests/budget.ts";
import { CpuCredit } from "./cpu-credit.ts";
import { RunningCell } from "./running-cell.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ow-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** A control socket: when it has been asked, and when the connection that asked is over. */
async function listen(path: string, answer: string | undefined) {
  const asked = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.on("close", () => over.resolve());
    socket.on("data", () => {
      asked.resolve();
      if (answer !== undefined) socket.write(answer);
    });
  });
  await new Promise<void>((listening) => server.listen(path, listening));
  return { server, asked: asked.promise, over: over.promise };
}

/** A cell with two requests in flight and a CPU clock that is set by hand; `ended` says whether it was killed. */
function busyCell(controlSocket: string, credit = new CpuCredit()) {
  let cpuMs = 0;
  let ended = false;
  const cell = new RunningCell({
    cell: {
      pid: 0,
      httpSocket: "",
      controlSocket,
      eventsSocket: "",
      doors: [],
      idleDataBytes: 0,
      exited: new Promise(() => {}),
      kill() {
        ended = true;
      },
      async [Symbol.asyncDispose]() {},
    },
    limits: { ...defaultLimits, cpuMs: 300 },
    clock: () => cpuMs,
    priority: () => false,
    budget: new CellBudget(defaultLimits),
    credit,
    onEnded() {},
    onReleased() {},
  });
  cell.lease({ requestId: newId() }, false);
  cell.lease({ requestId: newId() }, false);
  const begun = performance.now();
  return {
    ended: () => ended,
    /** Looks at the cell when it has run for `ms`, on its processor all the time. */
    inspectAt(ms: number) {
      cpuMs = ms;
      cell.inspect(begun + ms);
    },
  };
}

describe("a cell that was asked for a sign of life", () => {
  test("is not ended for an answer that a held up runner has not read yet", async () => {
    const path = join(directory, "answers");
    const { server, over } = await listen(path, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    const cell = busyCell(path);
    cell.inspectAt(20);
    // Nothing has been read since the question: as when this process did not get a processor.
    cell.inspectAt(520);
    expect(cell.ended()).toBe(false);
    await over;
    cell.inspectAt(530);
    expect(cell.ended()).toBe(false);
    server.close();
  });

  test("is ended when it goes on without one", async () => {
    const path = join(directory, "silent");
    const { server, asked } = await listen(path, undefined);
    const cell = busyCell(path);
    cell.inspectAt(20);
    await asked;
    cell.inspectAt(520);
    expect(cell.ended()).toBe(false);
    cell.inspectAt(530);
    expect(cell.ended()).toBe(true);
    server.close();
  });

  test("is not ended for a turn in which it gets ready, and is for what goes on beyond that", async () => {
    const path = join(directory, "warming");
    const { server, asked } = await listen(path, undefined);
    const cell = busyCell(path, new CpuCredit(500));
    cell.inspectAt(20);
    await asked;
    cell.inspectAt(780);
    cell.inspectAt(790);
    expect(cell.ended()).toBe(false);
    cell.inspectAt(840);
    cell.inspectAt(850);
    expect(cell.ended()).toBe(true);
    server.close();
  });
});
