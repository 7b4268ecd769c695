import { afterAll, beforeAll, expect } from "bun:test";
import { OwHome, type Ready, type RunningOw } from "./ow.ts";

/** Hooks have a deadline of five seconds of their own; PostgreSQL may need them all to make its files. */
export const hookMs = 60_000;

export interface SharedPlatform {
  readonly home: OwHome;
  /** What it said when it was ready: for hooks that are registered later, and for tests. */
  readonly ready: Ready;
}

/**
 * Has one platform run for all tests of the file that calls it, in a home of their own, and sees it end well.
 *
 * @param options `api`: with the API, which takes some seconds to build and deploy; `dashboard`: with both
 */
export function sharedPlatform({ api = false, dashboard = false } = {}): SharedPlatform {
  const home = new OwHome();
  let running: (RunningOw & { readonly ready: Ready }) | undefined;
  beforeAll(async () => {
    running = await home.up(...(dashboard ? [] : api ? ["--no-dashboard"] : ["--no-api"]));
  }, hookMs);
  afterAll(async () => {
    await using _ = home;
    expect(await running?.end("SIGINT")).toBe(0);
  }, hookMs);
  return {
    home,
    get ready() {
      if (running === undefined) throw new Error("the platform has not started");
      return running.ready;
    },
  };
}
