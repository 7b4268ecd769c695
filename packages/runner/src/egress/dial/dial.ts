import type { Wire } from "@openworkers/core";
import { messageOf, OpenWorkersError } from "@openworkers/core";
import type { Places } from "../../subrequests/places.ts";
import { connect, type Peer } from "./connect.ts";

/** Addresses of one host that are tried. */
const maxAddresses = 6;

/** How long an address may take before the next one is tried beside it (RFC 8305 §5). */
const nextAttemptMs = 250;

export interface DialOptions<T> {
  readonly host: string;
  /** Judged; tried in this order. At least one. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly tls?: Peer["tls"];
  /** Makes the owner of a connection that is about to be tried. */
  readonly make: () => T;
  readonly wireOf: (owner: T) => Wire;
  /** Bounds the attempts under way, those of other calls among them. */
  readonly places: Places;
  readonly signal: AbortSignal;
}

/**
 * Connects to the first of several addresses that answers ("happy eyeballs"). The others are let go.
 *
 * @throws OpenWorkersError EGRESS_FAILED when none answers; the signal's reason
 */
export async function dial<T>(options: DialOptions<T>): Promise<T> {
  const { host, port, tls, make, wireOf, places, signal } = options;
  signal.throwIfAborted();
  const { promise: first, resolve, reject } = Promise.withResolvers<T>();
  const waiting = interleaved(options.addresses).slice(0, maxAddresses);
  // The attempts that are not the first to succeed are told so.
  const over = new AbortController();
  let trying = 0;
  let won: T | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const attempt = (): void => {
    clearTimeout(timer);
    const address = waiting.shift();
    if (address === undefined) return;
    if (waiting.length > 0) timer = setTimeout(attempt, nextAttemptMs);
    trying++;
    start(address).then(resolve, (thrown: unknown) => {
      trying--;
      if (waiting.length > 0) attempt();
      else if (trying === 0) reject(failed(host, port, thrown));
    });
  };
  const start = async (address: string): Promise<T> => {
    const place = await places.take(over.signal);
    if (over.signal.aborted) place[Symbol.dispose]();
    over.signal.throwIfAborted();
    const owner = make();
    const wire = wireOf(owner);
    over.signal.addEventListener("abort", () => won === owner || wire.terminate(), { once: true });
    const peer = { address, port, ...(tls === undefined ? {} : { tls }) };
    await connect(wire, peer, over.signal, () => place[Symbol.dispose]());
    won ??= owner;
    return owner;
  };
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    attempt();
    return await first;
  } finally {
    signal.removeEventListener("abort", abort);
    clearTimeout(timer);
    waiting.length = 0;
    over.abort();
  }
}

/** The families in turn, so that one that leads nowhere costs one attempt. */
function interleaved(addresses: readonly string[]): string[] {
  const isIpv6 = (address: string) => address.includes(":");
  const firstIsIpv6 = addresses[0] !== undefined && isIpv6(addresses[0]);
  const same = addresses.filter((address) => isIpv6(address) === firstIsIpv6);
  const other = addresses.filter((address) => isIpv6(address) !== firstIsIpv6);
  return same
    .flatMap((address, index) => [address, ...other.slice(index, index + 1)])
    .concat(other.slice(same.length));
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: "it refused the connection",
  ECONNRESET: "it closed the connection",
  ETIMEDOUT: "it did not answer in time",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no way to it",
};

function failed(host: string, port: number, thrown: unknown): OpenWorkersError {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const why = words[code] ?? messageOf(thrown);
  return new OpenWorkersError("EGRESS_FAILED", `Cannot connect to ${host} on port ${port}: ${why}.`, {
    cause: thrown,
  });
}
