import { type EgressPolicy, OpenWorkersError } from "@openworkers/core";
import type { ByteMeter } from "../cells/byte-meter.ts";
import { setWireBuffer } from "../cells/os/socket-buffers.ts";
import { Upstream, UpstreamPool, type UpstreamUser } from "../ingress/upstream.ts";
import type { SubrequestBudget } from "../subrequests/budget.ts";
import { Places } from "../subrequests/places.ts";
import { dial } from "./dial/dial.ts";
import type { Resolver } from "./dial/resolver.ts";
import { parseAddress } from "./guard/address.ts";
import type { Destination, Guard } from "./guard/guard.ts";

/** What the cells of one runner share on their way out. */
export interface EgressContext {
  readonly guard: Guard;
  readonly resolve: Resolver;
  /** Certificates, in PEM, that servers are verified by. */
  readonly authorities: readonly string[];
  /** How long looking up and connecting may take together. */
  readonly connectMs: number;
  /** How long a request may be without a byte in either direction, and a peer without taking what it is sent. */
  readonly silenceMs: number;
  /** How long a peer may take nothing before it is looked whether its cell still waits for it. */
  readonly lookMs: number;
  /** What an operator should read. Never throws. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
}

/** What a cell was granted, as far as its way out goes. */
export interface EgressGrant {
  readonly policy: EgressPolicy;
  readonly budget: SubrequestBudget;
  /** Told of the bytes that leave the cell or come to it, heads among them. */
  readonly meter: ByteMeter;
  /** Writes a warning into the worker's log. */
  readonly warn: (message: string) => void;
}

/**
 * Connections that one cell may have in the making; more wait. The kernel goes on with one that nobody answers after it was
 * given up.
 */
const maxConnecting = 256;

/** Lines in the worker's log about refusals, between two sweeps. */
const maxWarnings = 10;

/** Connections of one cell that are kept for the next request. */
const maxIdle = 64;

/**
 * Exchanges of a cell under way that read as far ahead as one read goes (512 KiB); those beyond are narrow. A worker that
 * opens a thousand responses and reads none so costs its runner 60 MB at the most (4 were measured), not half a gigabyte.
 */
const maxWide = 24;

/**
 * What the kernel is to keep of a narrow connection; Linux keeps twice as much, which is then the most that is read at a
 * time. Two thirds of it are too little for a server on the same machine, whose segments are of 64 KB: 21 encrypted
 * responses of 1 MiB each then took 7 s, and with this 0.4 s.
 */
export const narrowBytes = 24_576;

/** The way out of one cell: its connections to the outside, none of which another cell ever uses. */
export class CellEgress implements Disposable {
  readonly context: EgressContext;
  readonly #grant: () => EgressGrant | undefined;
  readonly #pool: UpstreamPool;
  readonly #connecting = new Places(maxConnecting);
  #warnings = 0;
  #exchanges = 0;

  constructor(context: EgressContext, grant: () => EgressGrant | undefined) {
    this.context = context;
    this.#grant = grant;
    this.#pool = new UpstreamPool(context.report, maxIdle);
  }

  /** @throws OpenWorkersError EGRESS_REFUSED before the cell was given a worker that is deployed */
  grant(): EgressGrant {
    const grant = this.#grant();
    if (grant === undefined) {
      throw new OpenWorkersError("EGRESS_REFUSED", "Nothing leaves a worker that is not serving.");
    }
    return grant;
  }

  /** Counts an exchange that begins; `end` it once. True when it is to be narrow, for there are many. */
  begin(): boolean {
    this.#exchanges += 1;
    return this.#exchanges > maxWide;
  }

  end(): void {
    this.#exchanges -= 1;
  }

  /** Counts bytes that the cell was given, and bytes that it gave. */
  moved(read: number, written: number): void {
    this.#grant()?.meter.moved(read, written);
  }

  /** Tells the worker's author of a refusal that the worker itself is told nothing of. A few a second. */
  warn(message: string): void {
    if (this.#warnings++ < maxWarnings) this.#grant()?.warn(message);
  }

  /** An idle connection to the same server, if there is one. */
  reuse(key: string, user: UpstreamUser): Upstream | undefined {
    return this.#pool.take(key, user);
  }

  /**
   * A new connection, to an address that was judged.
   *
   * @throws OpenWorkersError EGRESS_REFUSED, EGRESS_FAILED; the signal's reason
   */
  async connect(
    key: string,
    wanted: Destination & { readonly tls: boolean; readonly narrow: boolean },
    user: UpstreamUser,
    signal: AbortSignal,
  ): Promise<Upstream> {
    const { guard, resolve, authorities, connectMs } = this.context;
    const destination = { ...wanted, host: guard.judgeName(wanted, this.grant().policy) };
    const { host, port, tls } = destination;
    using deadline = withDeadline(
      signal,
      connectMs,
      `Cannot connect to ${host}: it took over ${connectMs} ms.`,
    );
    const found = parseAddress(host) === undefined ? await deadline.race(lookedUp(resolve, host)) : [host];
    const addresses = guard.judgeAddresses(destination, found);
    // Not before it is over does the deadline end.
    const upstream = await dial({
      host,
      port,
      addresses,
      ...(tls ? { tls: { host, authorities } } : {}),
      make: () => new Upstream(key, this.#pool, user),
      wireOf: (upstream) => upstream.wire,
      places: this.#connecting,
      signal: deadline.signal,
    });
    // In time: a server that has not been asked says nothing, or little.
    if (wanted.narrow) setWireBuffer(upstream.wire, "receive", narrowBytes);
    return upstream;
  }

  /** Closes what has been idle for long; called every second or so. */
  sweep(now: number): void {
    this.#warnings = 0;
    this.#pool.sweep(now);
  }

  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]();
  }
}

async function lookedUp(resolve: Resolver, host: string): Promise<readonly string[]> {
  let found: readonly string[] = [];
  let cause: unknown;
  try {
    found = await resolve(host);
  } catch (thrown) {
    cause = thrown;
  }
  if (found.length > 0) return found;
  throw new OpenWorkersError("EGRESS_FAILED", `Cannot connect to ${host}: no address was found for it.`, {
    cause,
  });
}

interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  race<T>(promise: Promise<T>): Promise<T>;
}

function withDeadline(outer: AbortSignal, ms: number, message: string): Deadline {
  outer.throwIfAborted();
  const controller = new AbortController();
  const { promise: over, reject } = Promise.withResolvers<never>();
  // Only `race` looks at it.
  over.catch(() => {});
  const stop = (reason: unknown) => {
    controller.abort(reason);
    reject(reason);
  };
  const onAbort = () => stop(outer.reason);
  outer.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => stop(new OpenWorkersError("EGRESS_FAILED", message)), ms);
  return {
    signal: controller.signal,
    race: (promise) => Promise.race([promise, over]),
    [Symbol.dispose]() {
      clearTimeout(timer);
      outer.removeEventListener("abort", onAbort);
    },
  };
}
