import { afterAll, beforeAll, expect, test } from "bun:test";
import { openCpuClock, schedstatClock } from "./cpu-clock.ts";

const clock = openCpuClock();
let busy: Bun.Subprocess;

beforeAll(() => {
  busy = Bun.spawn(["sh", "-c", "while :; do :; done"]);
});

afterAll(() => {
  busy.kill("SIGKILL");
});

test("the clock tells what the kernel's scheduler does, after a hundred thousand readings too", async () => {
  for (let round = 0; round < 200; round += 1) {
    for (let reading = 0; reading < 500; reading += 1) clock(busy.pid);
    await Bun.sleep(1);
    const before = schedstatClock(busy.pid) ?? Number.NaN;
    const read = clock(busy.pid) ?? Number.NaN;
    const after = schedstatClock(busy.pid) ?? Number.NaN;
    // /proc may lag behind by one scheduler tick (up to 10 ms); the clock never runs ahead of it by more.
    expect(read).toBeGreaterThanOrEqual(before);
    expect(read).toBeLessThanOrEqual(after + 10);
  }
});

test("a process that is gone has no clock", async () => {
  const child = Bun.spawn(["true"]);
  await child.exited;
  expect(clock(child.pid)).toBeUndefined();
  expect(schedstatClock(child.pid)).toBeUndefined();
});
