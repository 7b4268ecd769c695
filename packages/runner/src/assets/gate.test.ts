import { expect, test } from "bun:test";
import { Gate } from "./gate.ts";

test("so many run, so many wait, and the next is refused; each that ends lets one in", async () => {
  const gate = new Gate(2, 1);
  const ends: (() => void)[] = [];
  let running = 0;
  const work = () =>
    gate.run(async () => {
      running++;
      await new Promise<void>((resolve) => ends.push(resolve));
      running--;
    });
  const all = [work(), work(), work()];
  expect(gate.full).toBe(true);
  expect(await work().catch((thrown: unknown) => thrown)).toMatchObject({ code: "OVERLOADED" });
  expect(running).toBe(2);
  for (let ended = 0; ended < 3; ended++) {
    while (ends.length === 0) await Promise.resolve();
    ends.shift()?.();
    await Promise.race(all);
    expect(running).toBeLessThanOrEqual(2);
  }
  await Promise.all(all);
  expect([running, gate.full]).toEqual([0, false]);
});

test("work that fails gives its place back", async () => {
  const gate = new Gate(1, 0);
  const failing = gate.run(async () => {
    throw new Error("no");
  });
  expect(await failing.catch(String)).toBe("Error: no");
  expect(await gate.run(async () => "next")).toBe("next");
});
