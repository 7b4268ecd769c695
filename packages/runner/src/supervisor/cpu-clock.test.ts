import { expect, test } from "bun:test";
import { openCpuClock, schedstatClock } from "./cpu-clock.ts";

test("the clock goes on when it has been read a hundred thousand times", async () => {
  // Past the point where every tier of the compiler has had its turn.
  const burner = Bun.spawn(["sh", "-c", "while :; do :; done"]);
  try {
    const clock = openCpuClock();
    for (let slice = 0; slice < 100; slice++) {
      for (let reading = 0; reading < 1_000; reading++) clock(burner.pid);
      await Bun.sleep(0);
    }
    const before = clock(burner.pid) ?? Number.NaN;
    const target = (schedstatClock(burner.pid) ?? Number.NaN) + 20;
    while ((schedstatClock(burner.pid) ?? Number.POSITIVE_INFINITY) < target) await Bun.sleep(1);
    expect(clock(burner.pid)).toBeGreaterThan(before);
  } finally {
    burner.kill("SIGKILL");
    await burner.exited;
  }
});

test("a process that is gone has no clock", async () => {
  const child = Bun.spawn(["true"]);
  await child.exited;
  expect(openCpuClock()(child.pid)).toBeUndefined();
  expect(schedstatClock(child.pid)).toBeUndefined();
});
