/** By which column a table is sorted. */
export interface Sorting<Column extends string> {
  readonly by: Column;
  readonly descending: boolean;
}

/** The rows in that order; those without a value last. */
export function sorted<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string | number | null,
  descending: boolean,
): Row[] {
  return rows.toSorted((a, b) => {
    const [one, other] = [keyOf(a), keyOf(b)];
    if (one === other) return 0;
    if (one === null) return 1;
    if (other === null) return -1;
    return (one < other ? -1 : 1) * (descending ? -1 : 1);
  });
}
