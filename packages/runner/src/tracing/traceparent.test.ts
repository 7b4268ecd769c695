import { expect, test } from "bun:test";
import { formatTraceparent, parseTraceparent } from "./traceparent.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";

test("what is written is read", () => {
  for (const sampled of [true, false]) {
    const parent = { traceId, spanId, sampled };
    expect(parseTraceparent(formatTraceparent(parent))).toEqual(parent);
  }
  // Other flags than the first are for others to know.
  expect(parseTraceparent(`00-${traceId}-${spanId}-03`)?.sampled).toBe(true);
  expect(parseTraceparent(`cc-${traceId}-${spanId}-01-what-may-come`)?.spanId).toBe(spanId);
});

for (const [what, text] of [
  ["nothing", undefined],
  ["an empty one", ""],
  ["the version that is never", `ff-${traceId}-${spanId}-01`],
  ["a trace of zeroes", `00-${"0".repeat(32)}-${spanId}-01`],
  ["a span of zeroes", `00-${traceId}-${"0".repeat(16)}-01`],
  ["upper case", `00-${traceId.toUpperCase()}-${spanId}-01`],
  ["more than this version has", `00-${traceId}-${spanId}-01-more`],
  ["two of them", `00-${traceId}-${spanId}-01,00-${traceId}-${spanId}-01`],
  ["a line break", `00-${traceId}-${spanId}-01\n`],
] as const) {
  test(`${what} begins a trace anew`, () => expect(parseTraceparent(text)).toBeUndefined());
}
