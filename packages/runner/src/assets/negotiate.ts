export const encodings = ["br", "gzip"] as const;
export type Encoding = (typeof encodings)[number];

const weight = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/** The coding of `encodings` that `accept` (RFC 9110 §12.5.3) prefers; undefined when it is none of them. */
export function acceptedEncoding(accept: string | undefined): Encoding | undefined {
  if (accept === undefined) return undefined;
  const weights = new Map<string, number>();
  for (const member of accept.toLowerCase().split(",")) {
    const [coding = "", parameter] = member.split(";").map((part) => part.trim());
    const q = parameter === undefined ? "1" : weight.exec(parameter)?.[1];
    if (q !== undefined) weights.set(coding, Number(q));
  }
  const weightOf = (coding: string): number => weights.get(coding) ?? weights.get("*") ?? 0;
  let best: Encoding | undefined;
  for (const coding of encodings) {
    if (weightOf(coding) > (best === undefined ? 0 : weightOf(best))) best = coding;
  }
  // Identity is as good as any other unless something says otherwise.
  return best !== undefined && weightOf(best) >= (weights.get("identity") ?? 0) ? best : undefined;
}

/** Whether `ifNoneMatch` (RFC 9110 §13.1.2) names one of these entity tags, weakly compared. */
export function matchesTag(ifNoneMatch: string, tags: readonly string[]): boolean {
  if (ifNoneMatch.trim() === "*") return true;
  return ifNoneMatch.split(",").some((member) => tags.includes(member.trim().replace(/^W\//, "")));
}

export interface Range {
  /** First and last byte. */
  readonly from: number;
  readonly to: number;
}

/**
 * The one range that `header` (RFC 9110 §14.2) asks for of `size` bytes. undefined when all of it is to be sent: for
 * several ranges, other units and what is malformed.
 */
export function rangeOf(header: string, size: number): Range | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim()) ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const suffix = Math.min(Number(last), size);
    return suffix === 0 ? "unsatisfiable" : { from: size - suffix, to: size - 1 };
  }
  const from = Number(first);
  const to = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && Number(last) < from) return undefined;
  return from >= size ? "unsatisfiable" : { from, to };
}
