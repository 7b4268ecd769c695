import { readSettings } from "../../runner/settings.ts";
import { parseAddress, specialRange } from "./address.ts";
import { Guard } from "./guard.ts";

/**
 * Judges a server of a user's own, at all its addresses, as what a worker connects to is judged.
 *
 * @returns those that may be connected to, and whether all of them are public
 * @throws OpenWorkersError EGRESS_REFUSED naming the rule, CONFIG_INVALID (OW_EGRESS_ALLOW)
 */
export function judgeOwnServer(
  server: { readonly host: string; readonly port: number },
  addresses: readonly string[],
): { readonly addresses: readonly string[]; readonly isPublic: boolean } {
  const guard = new Guard({ permissions: readSettings(process.env).egress.permissions });
  const destination = { ...server, via: "connect" } as const;
  guard.judgeName(destination, {});
  const judged = guard.judgeAddresses(destination, addresses);
  return {
    addresses: judged,
    isPublic: judged.every((text) => {
      const address = parseAddress(text);
      return address !== undefined && specialRange(address) === undefined;
    }),
  };
}
