import { expect, test } from "bun:test";
import { newId } from "./ids.ts";
import { parseNotification } from "./notifications.ts";

test("a notification says which row of what to read again", () => {
  const workerId = newId<"worker">();
  expect(parseNotification(JSON.stringify({ table: "workers", workerId }))).toEqual({
    table: "workers",
    workerId,
  });
});

test("what this release does not know is no notification, and no error", () => {
  const strangers = [
    "",
    "{",
    "null",
    '{"table":"moons"}',
    '{"table":"workers","workerId":"1; drop table workers"}',
  ];
  for (const payload of strangers) expect(parseNotification(payload)).toBeUndefined();
});
