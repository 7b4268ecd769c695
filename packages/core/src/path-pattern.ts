/** What the parts of a pattern stood for, by name; `splat` for its `*`. */
export type Captures = ReadonlyMap<string, string>;

/** A part between two separators: literals and placeholders in turn, a literal first and last. */
interface Part {
  readonly literals: readonly string[];
  readonly names: readonly string[];
}

const placeholder = /:([A-Za-z]\w*)/;

/**
 * A pattern of `_redirects` and `_headers`: `:name` stands for one or more characters of one part of a path, and one
 * `*` for any characters. Matching takes time in proportion to the path, whatever the pattern, and captures as much as
 * possible from the left, as a regular expression would.
 */
export class PathPattern {
  readonly #separator: string;
  readonly #before: readonly Part[];
  /** Around the `*`, within its part. */
  readonly #around: readonly [string, string] | undefined;
  readonly #after: readonly Part[];

  private constructor(
    separator: string,
    before: readonly Part[],
    around: readonly [string, string] | undefined,
    after: readonly Part[],
  ) {
    this.#separator = separator;
    this.#before = before;
    this.#around = around;
    this.#after = after;
  }

  /** The pattern, or what is wrong with it. `separator` ends a placeholder: `/` in a path, `.` in a host. */
  static parse(text: string, separator: "/" | "."): PathPattern | string {
    const parts = text.split(separator);
    const starred = parts.filter((part) => part.includes("*"));
    const names = [...text.matchAll(new RegExp(placeholder, "g"))].map(([, name]) => name);
    if (new Set(names).size < names.length) return "a placeholder is there twice";
    if (starred.length === 0) return new PathPattern(separator, parts.map(parsePart), undefined, []);
    const [part = ""] = starred;
    const [before = "", after = "", ...more] = part.split("*");
    if (starred.length > 1 || more.length > 0) return "there is more than one *";
    if (placeholder.test(part)) return `"${part}" has both a placeholder and a *`;
    const at = parts.indexOf(part);
    return new PathPattern(
      separator,
      parts.slice(0, at).map(parsePart),
      [before, after],
      parts.slice(at + 1).map(parsePart),
    );
  }

  /** Nothing in it stands for anything else. */
  get isLiteral(): boolean {
    return this.#around === undefined && this.#before.every(({ names }) => names.length === 0);
  }

  /** @param parts what is matched, split at the separator: it is matched with many patterns */
  match(parts: readonly string[]): Captures | undefined {
    const captures = new Map<string, string>();
    const before = this.#before.length;
    const after = this.#after.length;
    if (this.#around === undefined ? parts.length !== before : parts.length < before + after + 1) {
      return undefined;
    }
    if (!matchAll(this.#before, parts, 0, captures)) return undefined;
    if (this.#around === undefined) return captures;
    if (!matchAll(this.#after, parts, parts.length - after, captures)) return undefined;
    const [start, end] = this.#around;
    const middle = parts.slice(before, parts.length - after).join(this.#separator);
    if (middle.length < start.length + end.length) return undefined;
    if (!middle.startsWith(start) || !middle.endsWith(end)) return undefined;
    return captures.set("splat", middle.slice(start.length, middle.length - end.length));
  }
}

/** `text` with each `:name` that was captured replaced. */
export function fillIn(text: string, captures: Captures): string {
  return text.replace(/:([A-Za-z]\w*)/g, (whole, name: string) => captures.get(name) ?? whole);
}

function parsePart(text: string): Part {
  const pieces = text.split(/:([A-Za-z]\w*)/);
  return {
    literals: pieces.filter((_, index) => index % 2 === 0),
    names: pieces.filter((_, index) => index % 2 === 1),
  };
}

function matchAll(
  pattern: readonly Part[],
  parts: readonly string[],
  from: number,
  captures: Map<string, string>,
): boolean {
  return pattern.every((part, index) => matchPart(part, parts[from + index] ?? "", captures));
}

/** From the right, so that what is further left captures more. */
function matchPart({ literals, names }: Part, text: string, captures: Map<string, string>): boolean {
  const first = literals[0] ?? "";
  if (names.length === 0) return text === first;
  const last = literals.at(-1) ?? "";
  if (!text.endsWith(last)) return false;
  let end = text.length - last.length;
  for (let index = names.length - 1; index >= 0; index--) {
    const literal = literals[index] ?? "";
    // At least one character is left for the placeholder.
    const at = index === 0 ? 0 : text.lastIndexOf(literal, end - 1 - literal.length);
    if (at < 0 || (index === 0 && !text.startsWith(first))) return false;
    const start = at + literal.length;
    if (start >= end) return false;
    captures.set(names[index] ?? "", text.slice(start, end));
    end = at;
  }
  return true;
}
