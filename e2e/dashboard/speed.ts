import type { Page } from "playwright-core";
import { until } from "./browser.ts";

/** What a reader waits for on a page that is loaded into an empty cache, by Chromium's own count. */
export interface Load {
  readonly firstPaintMs: number;
  readonly largestPaintMs: number;
  /** Until the page is there and quiet. */
  readonly settledMs: number;
  /** Of tasks longer than 50 ms, what they are longer: time in which nothing answers. */
  readonly blockedMs: number;
  /** Sum of all layout shifts without an act of the reader's; 0 when nothing jumps. */
  readonly shift: number;
  /** Of all answers, as they came over the wire. */
  readonly bytes: number;
  readonly requests: number;
}

interface Seen {
  readonly paint: number;
  readonly largest: number;
  readonly blocked: number;
  readonly shift: number;
  readonly interactions: Readonly<Record<string, number>>;
}

// Runs before the page's own scripts, through the debugger: no policy forbids it.
const observer = `(() => {
  const seen = { paint: 0, largest: 0, blocked: 0, shift: 0, interactions: {} };
  globalThis.seenByTest = seen;
  const watch = (type, take, more = {}) => {
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more });
  };
  watch("paint", ({ name, startTime }) => { if (name === "first-contentful-paint") seen.paint = startTime; });
  watch("largest-contentful-paint", ({ startTime }) => { seen.largest = startTime; });
  watch("longtask", ({ duration }) => { seen.blocked += duration - 50; });
  watch("layout-shift", ({ value, hadRecentInput }) => { if (!hadRecentInput) seen.shift += value; });
  watch("event", ({ interactionId, duration }) => {
    if (interactionId > 0) seen.interactions[interactionId] = Math.max(seen.interactions[interactionId] ?? 0, duration);
  }, { durationThreshold: 16 });
})()`;

/** Has what `measureLoad` and `measureInteraction` count be counted, from the next load of `page` on. */
export async function watchSpeed(page: Page): Promise<void> {
  await page.addInitScript(observer);
}

const seenBy = (page: Page) => page.evaluate<Seen>("seenByTest");

// By what has come, not by what is open: a page of logs keeps a stream open for as long as it is there.
const isQuiet = `document.readyState === "complete" && document.querySelector("main [aria-busy=true]") === null &&
  performance.now() - Math.max(...performance.getEntries().map(({ responseEnd = 0 }) => responseEnd)) > 500`;

/** Resolves when nothing has come for half a second, nothing says that it loads, and what is there has been painted. */
async function settled(page: Page): Promise<void> {
  await page.locator("h1").first().waitFor();
  await until(page, isQuiet);
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
}

/** Loads `path` into an empty cache. */
export async function measureLoad(page: Page, path: string): Promise<Load> {
  const session = await page.context().newCDPSession(page);
  let bytes = 0;
  let requests = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
    requests += 1;
  });
  await session.send("Network.enable");
  await session.send("Network.clearBrowserCache");
  const began = performance.now();
  await page.goto(path);
  await settled(page);
  const settledMs = performance.now() - began;
  const { paint, largest, blocked, shift } = await seenBy(page);
  await session.detach();
  return {
    firstPaintMs: paint,
    largestPaintMs: largest,
    blockedMs: blocked,
    settledMs,
    shift,
    bytes,
    requests,
  };
}

/** Milliseconds from the slowest input of `act` to the next paint, as INP counts them; 16 for what is faster than that. */
export async function measureInteraction(page: Page, act: () => Promise<void>): Promise<number> {
  const before = new Set(Object.keys((await seenBy(page)).interactions));
  await act();
  await settled(page);
  const { interactions } = await seenBy(page);
  const found = Object.entries(interactions).flatMap(([id, ms]) => (before.has(id) ? [] : [ms]));
  return Math.max(16, ...found);
}
