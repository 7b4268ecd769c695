import { expect, test } from "bun:test";
import { OpenWorkersError } from "@openworkers/core";
import { LoginThrottle } from "./login-throttle.ts";

class Attempts {
  readonly slept: number[] = [];
  now = 0;
  readonly throttle = new LoginThrottle({
    now: () => this.now,
    sleep: async (ms) => void this.slept.push(ms),
  });

  /** Fails so many times, and is told each time that it did. */
  async fail(times: number, address: (attempt: number) => string = () => "192.0.2.1"): Promise<void> {
    for (let attempt = 0; attempt < times; attempt++) {
      const refused = this.throttle.attempt(address(attempt), async () => {
        throw new OpenWorkersError("UNAUTHORIZED", "no");
      });
      expect(refused).rejects.toMatchObject({ code: "UNAUTHORIZED" });
      await refused.catch(() => {});
    }
  }
}

test("the first refusals come at once, and further ones ever later, up to five seconds", async () => {
  const attempts = new Attempts();
  await attempts.fail(10);
  expect(attempts.slept).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
});

test("a good token is not slowed, whatever its address has done", async () => {
  const attempts = new Attempts();
  await attempts.fail(3);
  expect(await attempts.throttle.attempt("192.0.2.1", async () => "in")).toBe("in");
  expect(attempts.slept).toEqual([]);
});

test("other addresses are not slowed, nor is one that has not failed for a while", async () => {
  const attempts = new Attempts();
  await attempts.fail(3);
  await attempts.fail(3, () => "192.0.2.2");
  attempts.now += 11 * 60_000;
  await attempts.fail(3);
  expect(attempts.slept).toEqual([]);
});

test("one who commands many IPv6 addresses of a network is one", async () => {
  const attempts = new Attempts();
  await attempts.fail(5, (attempt) => `2001:db8::${attempt}`);
  await attempts.fail(1, () => "2001:db8:0:0:ffff::1");
  expect(attempts.slept).toEqual([250, 500, 1_000]);
});

test("what is not a refusal does not count", async () => {
  const attempts = new Attempts();
  for (let attempt = 0; attempt < 6; attempt++) {
    const failed = attempts.throttle.attempt("192.0.2.1", async () => {
      throw new OpenWorkersError("DATABASE_UNAVAILABLE", "away");
    });
    await failed.catch(() => {});
  }
  await attempts.fail(3);
  expect(attempts.slept).toEqual([]);
});
