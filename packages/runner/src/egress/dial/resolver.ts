import { lookup } from "node:dns/promises";

/** Looks up the addresses of a host, in the order in which they should be tried. Rejects when there are none. */
export type Resolver = (host: string) => Promise<readonly string[]>;

/** The system's resolver, with its hosts file and search domains. */
export const systemResolver: Resolver = async (host) => {
  const found = await lookup(host, { all: true, order: "verbatim" });
  return found.map(({ address }) => address);
};
