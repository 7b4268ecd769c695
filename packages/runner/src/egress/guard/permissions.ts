import { OpenWorkersError } from "@openworkers/core";
import { type Address, inNetwork, type Network, parseAddress, parseNetwork } from "./address.ts";

interface Permission {
  readonly network: Network | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
}

/** What an operator lets workers reach although it is not public (`OW_EGRESS_ALLOW`). */
export class Permissions {
  readonly #entries: readonly Permission[];

  private constructor(entries: readonly Permission[]) {
    this.#entries = entries;
  }

  static readonly none: Permissions = new Permissions([]);

  /**
   * Each entry is a CIDR, an address or a host name; the latter two may have a port (`10.0.0.5:9000`, `[fd00::1]:9000`,
   * `minio.internal`).
   *
   * @throws OpenWorkersError CONFIG_INVALID naming the entry
   */
  static parse(entries: readonly string[]): Permissions {
    return new Permissions(entries.map(parseEntry));
  }

  /** Whether a connection to `address` on `port`, asked for as `host`, is permitted. */
  permits(host: string, address: Address, port: number): boolean {
    return this.#entries.some(
      (entry) =>
        (entry.port === undefined || entry.port === port) &&
        (entry.host === host || (entry.network !== undefined && inNetwork(address, entry.network))),
    );
  }

  /** Whether exactly this address is named: by itself, not by a range it happens to lie in. */
  names(address: Address, port: number): boolean {
    return this.#entries.some(({ network, port: only }) => {
      if (network === undefined || (only !== undefined && only !== port)) return false;
      const whole = network[0].kind() === "ipv4" ? 32 : 128;
      return network[1] === whole && inNetwork(address, network);
    });
  }

  /** Whether an entry names this address, or this host, together with this very port. */
  namesPort(host: string, address: Address, port: number): boolean {
    return this.#entries.some(
      (entry) =>
        entry.port === port &&
        (entry.host === host || (entry.network !== undefined && inNetwork(address, entry.network))),
    );
  }
}

const withPort = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/;
const hostName = /^[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_])?$/;

function parseEntry(text: string): Permission {
  const network = parseNetwork(text);
  if (network !== undefined) return { network, host: undefined, port: undefined };
  const [, bracketed, plain, portText] = withPort.exec(text) ?? [];
  const name = (bracketed ?? plain ?? text).toLowerCase();
  const port = portText === undefined ? undefined : Number(portText);
  const address = parseAddress(name);
  if (address !== undefined && (port ?? 1) <= 0xffff) {
    return { network: [address, address.kind() === "ipv4" ? 32 : 128], host: undefined, port };
  }
  if (bracketed !== undefined || !hostName.test(name) || (port ?? 1) > 0xffff) {
    throw new OpenWorkersError(
      "CONFIG_INVALID",
      `OW_EGRESS_ALLOW: "${text}" is no network, address or host.`,
      {
        hint: 'Write, for instance, "10.0.0.0/8", "192.168.1.5:9000" or "minio.internal".',
      },
    );
  }
  return { network: undefined, host: name, port };
}
