import dns from "node:dns/promises";
import { OpenWorkersError } from "@openworkers/core";

const noRecord = new Set(["ENODATA", "ENOTFOUND"]);

/** Looks up TXT records: each is a list of strings, which are one text. */
export type TxtResolver = Pick<dns.Resolver, "resolveTxt">;

/**
 * What the TXT records `_openworkers.<hostname>` say; none when there are none.
 *
 * @throws OpenWorkersError NOT_FOUND when DNS does not answer
 */
export async function txtRecords(hostname: string, resolver: TxtResolver = dns): Promise<string[]> {
  try {
    const records = await resolver.resolveTxt(`_openworkers.${hostname}`);
    return records.map((parts) => parts.join(""));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    if (noRecord.has(code)) return [];
    throw new OpenWorkersError("NOT_FOUND", `DNS does not answer for _openworkers.${hostname} (${code}).`, {
      hint: "Try again in a while, or say --trust when this platform and the domain are yours.",
      cause,
    });
  }
}
