import { expect, test } from "bun:test";
import { WaitingLine } from "./waiting-line.ts";

const never = new AbortController().signal;

test("whoever came first is served first", async () => {
  const line = new WaitingLine<number>(10, 60_000);
  const both = Promise.all([line.wait(never), line.wait(never)]);
  expect(line.serve(() => 1)).toBeTrue();
  expect(line.serve(() => 2)).toBeTrue();
  expect(line.serve(() => 3)).toBeFalse();
  expect(await both).toEqual([1, 2]);
});

test("a full line refuses at once with OVERLOADED", async () => {
  const line = new WaitingLine<number>(1, 60_000);
  const first = line.wait(never);
  expect(line.wait(never)).rejects.toMatchObject({ code: "OVERLOADED" });
  line.serve(() => 1);
  expect(await first).toBe(1);
});

test("a request whose client left keeps no place in the line", async () => {
  const line = new WaitingLine<number>(1, 60_000);
  const client = new AbortController();
  const gone = line.wait(client.signal);
  client.abort(new Error("client left"));
  expect(gone).rejects.toThrow("client left");
  expect(line.size).toBe(0);
});

test("a request that waits past its deadline is refused with OVERLOADED", async () => {
  const line = new WaitingLine<number>(1, 1);
  expect(line.wait(never)).rejects.toMatchObject({ code: "OVERLOADED" });
});

test("what goes wrong in making a place is told to the one it was made for", async () => {
  const line = new WaitingLine<number>(1, 60_000);
  const waiting = line.wait(never);
  line.serve(() => {
    throw new Error("no place after all");
  });
  expect(waiting).rejects.toThrow("no place after all");
});
