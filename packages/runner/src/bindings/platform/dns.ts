import dns from "node:dns/promises";
import { OpenWorkersError } from "@openworkers/core";

/** Looks up TXT records: each is a list of strings, which are one text. */
export type TxtResolver = Pick<dns.Resolver, "resolveTxt">;

const none = new Set(["ENODATA", "ENOTFOUND"]);
// Underscores stand in the name that is looked up: `_openworkers.<host>`.
const hostPattern =
  /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?\.?$/i;

/** The texts of a name, none when there is no such record. @throws OpenWorkersError INVALID_INPUT, NOT_FOUND when DNS does not answer */
export async function txtRecords(name: string, resolver: TxtResolver = systemResolver()): Promise<string[]> {
  if (!hostPattern.test(name))
    throw new OpenWorkersError("INVALID_INPUT", `"${name.slice(0, 300)}" is no host name.`, {
      field: "hostname",
    });
  try {
    const records = await resolver.resolveTxt(name);
    return records.map((parts) => parts.join(""));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    if (none.has(code)) return [];
    throw new OpenWorkersError("NOT_FOUND", `DNS does not answer for ${name} (${code}).`, {
      hint: "Try again in a while.",
      cause,
    });
  }
}

/** The system's name servers, with an end to it: a request waits. */
function systemResolver(): TxtResolver {
  return new dns.Resolver({ timeout: 2_000, tries: 2 });
}
