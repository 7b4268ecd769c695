/**
 * Whether `text` fits `pattern`, in which each `*` stands for any characters, none included. Looks for each literal
 * once, from where the one before ended: patterns and paths are other people's, and a regular expression with several
 * `.*` could be made to stop the runner.
 */
export function globMatches(pattern: string, text: string): boolean {
  const literals = pattern.split("*");
  const first = literals.shift() ?? "";
  const last = literals.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const literal of literals) {
    const found = text.indexOf(literal, at);
    if (found < 0) return false;
    at = found + literal.length;
  }
  return at + last.length <= text.length;
}
