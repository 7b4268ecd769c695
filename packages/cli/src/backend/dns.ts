import dns from "node:dns/promises";
import { OpenWorkersError } from "@openworkers/core";

const noRecord = new Set(["ENODATA", "ENOTFOUND"]);

/** Looks up TXT records: each is a list of strings, which are one text. */
export type TxtResolver = Pick<dns.Resolver, "resolveTxt">;

/**
 * Whether the TXT record `_openworkers.<hostname>` says `token`.
 *
 * @throws OpenWorkersError NOT_FOUND when DNS does not answer
 */
export async function hasTxtRecord(
  hostname: string,
  token: string,
  resolver: TxtResolver = dns,
): Promise<boolean> {
  try {
    const records = await resolver.resolveTxt(`_openworkers.${hostname}`);
    return records.some((parts) => parts.join("") === token);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    if (noRecord.has(code)) return false;
    throw new OpenWorkersError("NOT_FOUND", `DNS does not answer for _openworkers.${hostname} (${code}).`, {
      hint: "Try again in a while, or say --trust when this platform and the domain are yours.",
      cause,
    });
  }
}
