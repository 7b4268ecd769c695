import { BlockList, isIP } from "node:net";
import { OpenWorkersError } from "@openworkers/core";
import { schemeHeader } from "../cells/cell.ts";
import type { RequestHead } from "./http/request-head.ts";

/** What the worker is told about where a request came from. */
export interface Origin {
  /** The client's address as far as it can be believed. */
  readonly clientIp: string;
  /** The header lines that say so, each with its CRLF. */
  readonly lines: string;
}

/** The proxies whose word on a request's origin is taken. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #empty: boolean;

  /**
   * @param cidrs addresses and networks, e.g. `10.0.0.0/8`, `::1`
   * @throws OpenWorkersError CONFIG_INVALID
   */
  constructor(cidrs: readonly string[]) {
    this.#empty = cidrs.length === 0;
    for (const cidr of cidrs) this.#add(cidr.trim());
  }

  includes(address: string): boolean {
    if (this.#empty) return false;
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 6 ? "ipv6" : "ipv4");
  }

  #add(cidr: string): void {
    const [address = "", bits] = cidr.split("/");
    const family = isIP(address);
    const width = family === 6 ? 128 : 32;
    const prefix = bits === undefined ? width : /^[0-9]{1,3}$/.test(bits) ? Number(bits) : -1;
    if (family === 0 || prefix < 0 || prefix > width) {
      throw new OpenWorkersError("CONFIG_INVALID", `"${cidr}" is neither an address nor a network.`, {
        hint: "Write OW_TRUSTED_PROXIES like 10.0.0.0/8,192.0.2.7,::1.",
      });
    }
    this.#list.addSubnet(address, prefix, family === 6 ? "ipv6" : "ipv4");
  }
}

/** An IPv4 peer of a dual-stack listener is written as the IPv4 address it is. */
export function normaliseAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** The origin of a request straight from `peer`. */
export function directOrigin(peer: string): Origin {
  return {
    clientIp: peer,
    lines: linesOf(peer, "http", peer),
  };
}

/**
 * The origin of a request that came through the trusted proxy `peer`: the client is the last address in
 * X-Forwarded-For that is no trusted proxy, because everything before it could have been written by that client.
 */
export function forwardedOrigin(peer: string, head: RequestHead, proxies: TrustedProxies): Origin {
  const chain = (head.forwardedFor ?? "")
    .split(",")
    .map((address) => normaliseAddress(address.trim()))
    .filter((address) => isIP(address) !== 0);
  const clientIp = chain.findLast((address) => !proxies.includes(address)) ?? chain[0] ?? peer;
  const proto = head.forwardedProto?.toLowerCase() === "https" ? "https" : "http";
  return {
    clientIp,
    lines: linesOf([...chain, peer].join(", "), proto, clientIp),
  };
}

function linesOf(forwardedFor: string, proto: "http" | "https", clientIp: string): string {
  return `X-Forwarded-For: ${forwardedFor}\r\nX-Forwarded-Proto: ${proto}\r\n${schemeHeader}: ${proto}\r\nCF-Connecting-IP: ${clientIp}\r\n`;
}
