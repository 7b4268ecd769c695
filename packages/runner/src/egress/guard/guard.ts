import { type EgressPolicy, OpenWorkersError, policyAllows } from "@openworkers/core";
import { type Address, effective, inNetwork, parseAddress, parseNetwork, specialRange } from "./address.ts";
import { Permissions } from "./permissions.ts";
import { type EgressVia, isPortOpen } from "./ports.ts";

/** Where a worker wants to go. */
export interface Destination {
  /** As the URL parser writes it: lower-case ASCII, addresses in their one canonical spelling, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly via: EgressVia;
}

/** A port of the platform's own, on one host or, without, on all addresses of this machine. */
export interface Endpoint {
  /** Its name, or an address. */
  readonly host?: string;
  readonly port: number;
}

export interface GuardOptions {
  /** False when no worker may reach anything outside. */
  readonly open?: boolean;
  readonly permissions?: Permissions;
  /** The addresses of this machine, beside loopback. */
  readonly localAddresses?: () => Iterable<string>;
  /** Where the platform itself listens, and its database. */
  readonly platform?: () => Iterable<Endpoint>;
}

// Their answers differ from network to network; nothing that they name is a worker's.
const metadataHosts: ReadonlySet<string> = new Set([
  "metadata",
  "metadata.goog",
  "metadata.google.internal",
  "instance-data",
  "instance-data.ec2.internal",
]);

const loopback = [parseNetwork("127.0.0.0/8"), parseNetwork("::1/128")].filter(
  (network) => network !== undefined,
);

/**
 * Decides where workers may connect. It is asked twice: about the name before anything is looked up, and about every
 * address that the name has, before any of them is connected to.
 */
export class Guard {
  readonly #open: boolean;
  readonly #permissions: Permissions;
  readonly #localAddresses: () => Iterable<string>;
  readonly #platform: () => Iterable<Endpoint>;

  constructor(options: GuardOptions = {}) {
    this.#open = options.open ?? true;
    this.#permissions = options.permissions ?? Permissions.none;
    this.#localAddresses = options.localAddresses ?? (() => []);
    this.#platform = options.platform ?? (() => []);
  }

  /**
   * Judges a destination by its name and port.
   *
   * @returns the host as it is to be looked up, without a trailing dot
   * @throws OpenWorkersError EGRESS_REFUSED naming the rule
   */
  judgeName({ host, port, via }: Destination, policy: EgressPolicy): string {
    if (!this.#open) throw refused("outbound connections are switched off on this platform (OW_EGRESS)");
    const name = host.endsWith(".") ? host.slice(0, -1) : host;
    if (!policyAllows(policy, name)) {
      throw refused(`${name} is not in the worker's openworkers.egress.allow`);
    }
    if (metadataHosts.has(name)) throw refused(`${name} is a metadata service`);
    if (!isPortOpen(port, via)) {
      const hint = via === "fetch" ? " for fetch; connect() may reach it" : " for connect()";
      throw refused(`port ${port} is blocked${port === 25 || port === 0 ? "" : hint}`);
    }
    return name;
  }

  /**
   * Judges all the addresses of a destination. One that is refused refuses all: a name that leads both out and in is
   * somebody's attempt.
   *
   * @returns the addresses to connect to, in the order given, IPv4-mapped ones as IPv4
   * @throws OpenWorkersError EGRESS_REFUSED naming the rule
   */
  judgeAddresses({ host, port }: Destination, addresses: readonly string[]): string[] {
    return addresses.map((text) => {
      const parsed = parseAddress(text);
      if (parsed === undefined) throw refused(`${host} has an address of an unknown form`);
      const address = effective(parsed);
      this.#judgeAddress(host, address, port);
      return address.toString();
    });
  }

  #judgeAddress(host: string, address: Address, port: number): void {
    const is = parseAddress(host) === undefined ? `${host} leads to` : `${host} is`;
    const isLoopback = loopback.some((network) => inNetwork(address, network)) || isUnspecified(address);
    const isLocal = isLoopback || this.#isOfThisMachine(address);
    if (this.#isPlatform(host, address, port, isLocal) && !this.#permissions.namesPort(host, address, port)) {
      throw refused(`${is} the platform itself`);
    }
    // A range around this machine's own address was hardly meant to give the machine away with it.
    if (isLocal && !isLoopback && !this.#permissions.names(address, port)) {
      throw refused(`${is} the machine that the worker runs on, which OW_EGRESS_ALLOW does not name`);
    }
    const special = specialRange(address);
    if (special !== undefined && !this.#permissions.permits(host, address, port)) {
      throw refused(`${is} an address that is not public (${special})`);
    }
  }

  #isOfThisMachine(address: Address): boolean {
    for (const local of this.#localAddresses()) if (isSame(local, address)) return true;
    return false;
  }

  #isPlatform(host: string, address: Address, port: number, isLocal: boolean): boolean {
    for (const own of this.#platform()) {
      if (own.port !== port) continue;
      if (isLocal || own.host === host) return true;
      if (own.host !== undefined && isSame(own.host, address)) return true;
    }
    return false;
  }
}

function isSame(text: string, address: Address): boolean {
  const parsed = parseAddress(text);
  return parsed !== undefined && effective(parsed).toString() === address.toString();
}

function isUnspecified(address: Address): boolean {
  return address.toByteArray().every((byte) => byte === 0);
}

function refused(why: string): OpenWorkersError {
  return new OpenWorkersError("EGRESS_REFUSED", `The platform refused the connection: ${why}.`);
}
