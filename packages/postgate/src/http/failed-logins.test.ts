import { expect, test } from "bun:test";
import { FailedLogins } from "./failed-logins.ts";

test("each further failed login of an address is answered later, up to a bound; another address's is not", () => {
  const logins = new FailedLogins();
  const delays = Array.from({ length: 12 }, () => logins.fail("192.0.2.1", 0));
  expect(delays).toEqual([0, 0, 0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
  expect(logins.fail("192.0.2.2", 0)).toBe(0);
});

test("failures are forgotten after ten minutes", () => {
  const logins = new FailedLogins();
  for (let failure = 0; failure < 5; failure++) logins.fail("192.0.2.1", 0);
  expect(logins.fail("192.0.2.1", 10 * 60_000 + 1)).toBe(0);
});

test("an address with too many answers kept back is not listened to, until one has gone out", () => {
  const logins = new FailedLogins();
  logins.fail("192.0.2.1");
  const kept = Array.from({ length: 20 }, () => logins.keepBack("192.0.2.1"));
  expect(logins.blocked("192.0.2.1")).toBe(true);
  expect(logins.blocked("192.0.2.2")).toBe(false);
  kept[0]?.[Symbol.dispose]();
  expect(logins.blocked("192.0.2.1")).toBe(false);
});

test("however many addresses fail, so many are remembered", () => {
  const logins = new FailedLogins();
  for (let failure = 0; failure < 4; failure++) logins.fail("first", 0);
  for (let address = 0; address < 10_000; address++) logins.fail(String(address), 0);
  expect(logins.fail("first", 0)).toBe(0);
});
