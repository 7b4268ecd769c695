import { expect, test } from "bun:test";
import { defaultLimits, newId } from "@openworkers/core";
import type { Lease } from "../cells/lease.ts";
import { ServiceDispatcher } from "./service-dispatcher.ts";
import { TestDispatcher, targetOf } from "./testing/rig.ts";

const limits = {
  ...defaultLimits,
  concurrency: 2,
  subrequestConcurrency: 1,
  queueLength: 1,
  queueMs: 60_000,
};
const options = (signal = new AbortController().signal) => ({ requestId: newId<"request">(), signal });

/** What became of asking for a place. */
const outcome = (place: Lease | Promise<Lease>): Promise<string> =>
  Promise.resolve(place).then(
    () => "a place",
    (thrown: Error & { code?: string }) => thrown.code ?? thrown.message,
  );

test("a caller has as many places as its limits say, over all its bindings; one that is given back goes to who waits", async () => {
  const cells = new TestDispatcher("/cell");
  const services = new ServiceDispatcher(cells, limits);
  const one = services.of({ entrypoint: undefined, props: undefined });
  const two = services.of({ entrypoint: undefined, props: undefined });
  const target = targetOf("callee");
  const first = await one.acquire(target, options());
  const second = await two.acquire(target, options());
  const third = one.acquire(target, options());
  expect(await outcome(two.acquire(target, options()))).toBe("OVERLOADED");
  expect(cells.leases).toHaveLength(2);
  first.release();
  // A second release gives nobody a place.
  first.release();
  await third;
  const left = new AbortController();
  const fourth = outcome(two.acquire(target, options(left.signal)));
  left.abort(new Error("the caller has left"));
  expect(await fourth).toBe("the caller has left");
  expect(cells.leases).toHaveLength(3);
  second.release();
  expect(await outcome(two.acquire(target, options()))).toBe("a place");
});

test("a place that cannot be had is not taken", async () => {
  const cells = new TestDispatcher("/cell");
  const places = new ServiceDispatcher(cells, limits).of({ entrypoint: undefined, props: undefined });
  cells.failure = new Error("no cell");
  for (let attempt = 0; attempt < 5; attempt++) {
    expect(await outcome(places.acquire(targetOf("callee"), options()))).toBe("no cell");
  }
  cells.failure = undefined;
  expect(await outcome(places.acquire(targetOf("callee"), options()))).toBe("a place");
});

test("an entrypoint is reached by the door with its props, and one without a door is an error", async () => {
  const cells = new TestDispatcher("/cell");
  const services = new ServiceDispatcher(cells, limits);
  const doors = [
    { entrypoint: "Admin", props: undefined },
    { entrypoint: "Admin", props: '{"user":1}' },
  ];
  cells.onLease = (lease) => Object.assign(lease, { doors: ["/door0", "/door1"] });
  const target = { ...targetOf("callee"), doors };
  const place = await services.of({ entrypoint: "Admin", props: '{"user":1}' }).acquire(target, options());
  expect(place.socketPath).toBe("/door1");
  const missing = services.of({ entrypoint: "Admin", props: '{"user":2}' });
  expect(await outcome(missing.acquire(target, options()))).toBe("NO_ENTRYPOINT");
});
