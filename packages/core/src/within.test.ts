import { expect, test } from "bun:test";
import { join } from "node:path";
import { within } from "./within.ts";

test("what comes in time is handed on, and what does not is not waited for", async () => {
  expect(await within(Promise.resolve("in time"), 60_000)).toBe("in time");
  expect(await within(new Promise(() => {}), 1)).toBeUndefined();
  expect(within(Promise.reject(new Error("failed")), 60_000)).rejects.toThrow("failed");
});

test("a process that waited an hour at most for something that came ends when it is done", async () => {
  const module = join(import.meta.dir, "within.ts");
  const script = `const { within } = await import(${JSON.stringify(module)}); await within(Promise.resolve(), 3_600_000);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "ignore", stderr: "ignore" });
  expect(await child.exited).toBe(0);
});
