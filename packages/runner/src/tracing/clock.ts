/** The two clocks drift apart as the wall clock is set right: beyond this, they are compared anew. */
const driftMs = 5;

let offsetMs = performance.timeOrigin;

/** Unix milliseconds, with fractions, of a moment of `performance.now()` that is not long past. */
export function epochMs(moment: number): number {
  const offset = Date.now() - performance.now();
  if (Math.abs(offset - offsetMs) > driftMs) offsetMs = offset;
  return moment + offsetMs;
}
