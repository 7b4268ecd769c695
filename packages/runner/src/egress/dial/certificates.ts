import { readFileSync } from "node:fs";
import { getCACertificates } from "node:tls";
import { messageOf, OpenWorkersError } from "@openworkers/core";

/**
 * The authorities that servers outside are verified by: Mozilla's, the system's, and those of `file` (PEM).
 *
 * @throws OpenWorkersError CONFIG_INVALID when the file cannot be read or holds no certificate
 */
export function trustedCertificates(file?: string): readonly string[] {
  const own = file === undefined ? [] : readCertificates(file);
  const all = [...getCACertificates("bundled"), ...getCACertificates("system"), ...own];
  // Most are there twice, in lines of different length; each costs every handshake 2.5 µs.
  return [...new Map(all.map((text) => [text.replace(/\s/g, ""), text])).values()];
}

function readCertificates(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (thrown) {
    throw new OpenWorkersError("CONFIG_INVALID", `OW_EGRESS_CA: ${messageOf(thrown)}.`, { cause: thrown });
  }
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) {
    throw new OpenWorkersError("CONFIG_INVALID", `OW_EGRESS_CA: ${file} holds no certificate in PEM.`);
  }
  return found;
}
