import { afterAll, beforeAll, expect, test } from "bun:test";
import { getPriority } from "node:os";
import { openCpuPriority } from "./cpu-priority.ts";

const setPriority = openCpuPriority(5);
let child: Bun.Subprocess;
beforeAll(() => {
  child = Bun.spawn(["sleep", "1000"], { detached: true });
});
afterAll(() => child.kill("SIGKILL"));

const nice = async () => ({
  autogroup: /nice (-?\d+)/.exec(await Bun.file(`/proc/${child.pid}/autogroup`).text())?.[1],
  thread: getPriority(child.pid),
});

// A container's root has neither capability, and then nothing is changed.
test("a process is lowered and raised again, or left alone where it could not be raised again", async () => {
  const before = await nice();
  const taken = setPriority(child.pid, true);
  const lowered = await nice();
  expect([lowered.autogroup !== before.autogroup, lowered.thread !== before.thread].includes(true)).toBe(
    taken,
  );
  expect(setPriority(child.pid, false)).toBe(taken);
  expect(await nice()).toEqual(before);
});

test("a process that is gone is no error", async () => {
  const gone = Bun.spawn(["true"]);
  await gone.exited;
  expect(setPriority(gone.pid, true)).toBe(false);
});
