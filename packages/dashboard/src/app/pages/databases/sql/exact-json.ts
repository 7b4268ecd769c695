/** A number whose digits a JavaScript number would lose, as it was written. Stringifies to those digits. */
interface RawJson {
  readonly rawJSON: string;
}

// Of ECMAScript 2026; a browser without it shows such numbers rounded.
const exact = JSON as unknown as {
  readonly rawJSON?: (text: string) => RawJson;
  readonly isRawJSON?: (value: unknown) => value is RawJson;
};

/** Parses JSON without losing a digit: what no number can hold is kept as it was written. @throws SyntaxError */
export function parseExact(text: string): unknown {
  const reviver = (_key: string, value: unknown, context?: { readonly source?: string }) => {
    const source = context?.source;
    if (typeof value !== "number" || source === undefined || String(value) === source) return value;
    return exact.rawJSON?.(source) ?? value;
  };
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
}

/** A value of a result as text, exactly: JSON for what is neither text nor number; undefined for NULL. */
export function textOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "string") return value;
  return JSON.stringify(value);
}

export function isExactNumber(value: unknown): boolean {
  return typeof value === "number" || exact.isRawJSON?.(value) === true;
}

/** JSON on several lines, with every digit as it was. @throws SyntaxError */
export function formatJson(text: string): string {
  return JSON.stringify(parseExact(text), undefined, 2);
}
