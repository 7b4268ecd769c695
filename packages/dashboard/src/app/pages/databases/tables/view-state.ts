import { type Filter, type Operator, operators, type Sort } from "../sql/rows.ts";

/** How a page's address says which rows are shown: `where=[["name","has","a"]]`, `sort=-name`. */
export function parseFilters(text: string | undefined): Filter[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    if (!Array.isArray(value)) return [];
    return value.flatMap((each) => {
      if (!Array.isArray(each)) return [];
      const [column, operator, wanted = ""] = each as unknown[];
      if (typeof column !== "string" || typeof wanted !== "string" || !isOperator(operator)) return [];
      return [{ column, operator, value: wanted }];
    });
  } catch {
    // An address that somebody has typed: no filter is what they see.
    return [];
  }
}

export function formatFilters(filters: readonly Filter[]): string | null {
  if (filters.length === 0) return null;
  return JSON.stringify(filters.map(({ column, operator, value }) => [column, operator, value]));
}

export function parseSort(text: string | undefined): Sort | undefined {
  if (text === undefined || text === "") return undefined;
  return text.startsWith("-")
    ? { column: text.slice(1), descending: true }
    : { column: text.replace(/^\+/, ""), descending: false };
}

export function formatSort(sort: Sort | undefined): string | null {
  return sort === undefined ? null : `${sort.descending ? "-" : "+"}${sort.column}`;
}

export const pageSizes = [25, 50, 100, 250] as const;

export function isOperator(value: unknown): value is Operator {
  return typeof value === "string" && Object.hasOwn(operators, value);
}
