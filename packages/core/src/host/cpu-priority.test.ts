import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { getPriority } from "node:os";
import { lowerCpuPriority, openCpuPriority } from "./cpu-priority.ts";

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

test("a process is lowered for good with all its threads, whoever we are", async () => {
  const program = `const thread = new Worker("data:text/javascript,setInterval(() => {}, 1000);postMessage(1)");
    thread.onmessage = () => console.log(1);`;
  await using threads = Bun.spawn([process.execPath, "-e", program], {
    detached: true,
    stdout: "pipe",
  });
  await threads.stdout.getReader().read();
  expect(lowerCpuPriority(threads.pid, 7)).toBe(true);
  const nices = readdirSync(`/proc/${threads.pid}/task`).map((thread) => getPriority(Number(thread)));
  expect(nices.length).toBeGreaterThan(1);
  expect(new Set(nices)).toEqual(new Set([7]));
});
