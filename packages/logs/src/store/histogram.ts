/**
 * Wall times are counted in buckets whose bounds grow by 2^(1/4). A percentile is told as a bucket's geometric middle,
 * so it is off by a factor of 2^(1/8) at most: 9.1 %.
 */
const perDoubling = 4;
/** Upper bound of the first bucket, in milliseconds: what is quicker is told as half of it. */
const firstMs = 0.1;
/** The last bucket begins at some 28 minutes; a run may take 15. */
export const buckets = 97;

/** The bucket that `wallMs` is counted in. */
export function bucketOf(wallMs: number): number {
  if (!(wallMs > firstMs)) return 0;
  return Math.min(buckets - 1, Math.ceil(Math.log2(wallMs / firstMs) * perDoubling));
}

/** The time, in milliseconds, that `share` of those counted did not exceed; undefined when there are none. */
export function percentileOf(counts: readonly number[], share: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  const wanted = Math.max(1, Math.ceil(total * share));
  let seen = 0;
  for (const [bucket, count] of counts.entries()) {
    seen += count;
    if (seen >= wanted) return middleOf(bucket);
  }
  return middleOf(counts.length - 1);
}

function middleOf(bucket: number): number {
  return bucket === 0 ? firstMs / 2 : firstMs * 2 ** ((bucket - 0.5) / perDoubling);
}
