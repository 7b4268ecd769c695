import { expect, test } from "bun:test";
import { FairQueue } from "./fair-queue.ts";

function queueOf(...items: string[]): FairQueue<string> {
  const queue = new FairQueue<string>();
  for (const item of items) queue.push(item.slice(0, 1), item);
  return queue;
}

test("keys take turns, and each key's items keep their order", () => {
  const queue = queueOf("a1", "a2", "a3", "b1", "c1", "c2");
  expect(queue.take(() => false)).toEqual(["a1", "b1", "c1", "a2", "c2", "a3"]);
  expect(queue.size).toBe(0);
});

test("who was served waits for all others, also in the next draught", () => {
  const queue = queueOf("a1", "a2", "a3", "a4");
  expect(queue.take(() => true)).toEqual(["a1"]);
  queue.push("b", "b1");
  queue.push("c", "c1");
  let left = 3;
  expect(queue.take(() => --left === 0)).toEqual(["a2", "b1", "c1"]);
  expect(queue.take(() => false)).toEqual(["a3", "a4"]);
  expect(queue.take(() => true)).toEqual([]);
});
