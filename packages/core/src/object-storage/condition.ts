/** An entity tag as it stands in a condition. */
export type EtagPattern =
  | { readonly type: "strong" | "weak"; readonly value: string }
  | { readonly type: "wildcard" };

/** R2's `onlyIf`; what is absent holds. */
export interface Condition {
  readonly etagMatches?: readonly EtagPattern[] | undefined;
  readonly etagDoesNotMatch?: readonly EtagPattern[] | undefined;
  /** Milliseconds since 1970. */
  readonly uploadedBeforeMs?: number | undefined;
  readonly uploadedAfterMs?: number | undefined;
  /** Compare times as HTTP headers have them. */
  readonly secondsGranularity?: boolean | undefined;
}

/**
 * Whether an object, or that there is none, fulfils a condition: RFC 9110 section 13, as R2 has it. A tag that
 * decides goes before the time of the same direction.
 */
export function conditionHolds(
  condition: Condition | undefined,
  object: { readonly etag: string; readonly uploadedAt: Date } | undefined,
): boolean {
  if (condition === undefined) return true;
  const { etagMatches, etagDoesNotMatch, uploadedBeforeMs, uploadedAfterMs } = condition;
  if (object === undefined) return etagMatches === undefined && uploadedAfterMs === undefined;
  const round = (ms: number) => (condition.secondsGranularity === true ? Math.floor(ms / 1_000) * 1_000 : ms);
  const uploadedMs = round(object.uploadedAt.getTime());
  if (etagMatches !== undefined) {
    // A strong comparison: a weak tag is like none.
    if (!etagMatches.some((tag) => tag.type !== "weak" && sameTag(tag, object.etag))) return false;
  } else if (uploadedBeforeMs !== undefined && uploadedMs >= round(uploadedBeforeMs)) {
    return false;
  }
  if (etagDoesNotMatch !== undefined) return !etagDoesNotMatch.some((tag) => sameTag(tag, object.etag));
  return uploadedAfterMs === undefined || uploadedMs > round(uploadedAfterMs);
}

function sameTag(pattern: EtagPattern, etag: string): boolean {
  return pattern.type === "wildcard" || pattern.value === etag;
}
