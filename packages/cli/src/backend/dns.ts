import { resolveTxt } from "node:dns/promises";
import { OpenWorkersError } from "@openworkers/core";

const noRecord = new Set(["ENODATA", "ENOTFOUND"]);

/**
 * Whether the TXT record `_openworkers.<hostname>` says `token`.
 *
 * @throws OpenWorkersError NOT_FOUND when DNS does not answer
 */
export async function hasTxtRecord(hostname: string, token: string): Promise<boolean> {
  try {
    const records = await resolveTxt(`_openworkers.${hostname}`);
    return records.some((parts) => parts.join("") === token);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    if (noRecord.has(code)) return false;
    throw new OpenWorkersError("NOT_FOUND", `DNS does not answer for _openworkers.${hostname} (${code}).`, {
      cause,
    });
  }
}
