import { dns } from "bun";

/** Looks up the addresses of a host, in the order in which they should be tried. Rejects when there are none. */
export type Resolver = (host: string) => Promise<readonly string[]>;

/**
 * The system's name servers, search domains and hosts file. Not by getaddrinfo, which takes a thread of the few there
 * are for as long as a name server is silent: one worker asking for slow names would stop everybody's.
 */
export const systemResolver: Resolver = async (host) => {
  const found = await dns.lookup(host, { backend: "c-ares" });
  return found.map(({ address }) => address);
};
