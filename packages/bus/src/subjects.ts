import { OpenWorkersError } from "@openworkers/core";

// What NATS, SQL and a log line can all carry: no wildcard, no space, no control character.
const token = /^[\w$~@:=+-]{1,128}$/;
const longestSubject = 255;

/**
 * @throws OpenWorkersError INVALID_INPUT when `subject` is none that a message can be published on: tokens of letters,
 * digits and `-_:$~@=+`, separated by dots
 */
export function checkSubject(subject: string): void {
  if (subject.length <= longestSubject && subject.split(".").every((part) => token.test(part))) return;
  throw new OpenWorkersError("INVALID_INPUT", `"${subject.slice(0, longestSubject)}" is no subject.`, {
    hint: "A subject is tokens of letters, digits, - and _, separated by dots.",
  });
}

/** As `checkSubject`, for one whose last token may be `>`. */
export function checkFilter(filter: string): void {
  checkSubject(isWildcard(filter) ? filter.slice(0, -2) : filter);
}

/** Whether `filter` stands for many subjects: those that begin as it does and have at least one more token. */
export function isWildcard(filter: string): boolean {
  return filter.endsWith(".>");
}

/** Whether what is published on `subject` is what `filter` asks for. */
export function matches(filter: string, subject: string): boolean {
  return isWildcard(filter) ? subject.startsWith(filter.slice(0, -1)) : subject === filter;
}

/** Whether some subject matches both. */
export function overlap(one: string, other: string): boolean {
  if (!isWildcard(one)) return matches(other, one);
  if (!isWildcard(other)) return matches(one, other);
  const [a, b] = [one.slice(0, -1), other.slice(0, -1)];
  return a.startsWith(b) || b.startsWith(a);
}

/** Whether every subject that matches `inner` matches `outer`. */
export function covers(outer: string, inner: string): boolean {
  if (!isWildcard(inner)) return matches(outer, inner);
  return isWildcard(outer) && inner.slice(0, -1).startsWith(outer.slice(0, -1));
}
