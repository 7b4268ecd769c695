import ipaddr from "ipaddr.js";

export type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type Network = readonly [Address, number];

/** The address that `text` is in its canonical spelling (as the URL parser or a resolver writes it), if it is one. */
export function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  // ipaddr.js 2.5.0 reads `::8.8.8.8` as the IPv4-mapped address, which it is not; the URL parser knows better.
  const [, canonical] = /^\[(.+)\]$/.exec(URL.parse(`http://[${text}]`)?.hostname ?? "") ?? [];
  return canonical === undefined ? undefined : ipaddr.IPv6.parse(canonical);
}

/** The network of `text`, a CIDR or one address, if it is one. */
export function parseNetwork(text: string): Network | undefined {
  const single = parseAddress(text);
  if (single !== undefined) return [single, single.kind() === "ipv4" ? 32 : 128];
  if (!text.includes("/") || !ipaddr.isValidCIDR(text)) return undefined;
  const [address, bits] = ipaddr.parseCIDR(text);
  return parseAddress(text.slice(0, text.indexOf("/"))) === undefined ? undefined : [address, bits];
}

/** Whether `address` lies in `network`. IPv4 and IPv6 never match each other. */
export function inNetwork(address: Address, [base, bits]: Network): boolean {
  if (address instanceof ipaddr.IPv4) return base instanceof ipaddr.IPv4 && address.match(base, bits);
  return base instanceof ipaddr.IPv6 && address.match(base, bits);
}

/** What the kernel connects to for `address`: an IPv4 address for its IPv4-mapped form, and nothing else changed. */
export function effective(address: Address): Address {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

type Ranges = readonly (readonly [network: Network, name: string])[];

function ranges(table: Readonly<Record<string, readonly string[]>>): Ranges {
  return Object.entries(table).flatMap(([name, networks]) =>
    networks.map((text) => [ipaddr.parseCIDR(text), name] as const),
  );
}

// IANA's special-purpose registry for IPv4, and what clouds serve machine credentials from.
const blocked4 = ranges({
  "this network": ["0.0.0.0/8"],
  loopback: ["127.0.0.0/8"],
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
  "carrier-grade NAT": ["100.64.0.0/10"],
  "link-local": ["169.254.0.0/16"],
  "cloud metadata": ["168.63.129.16/32"],
  "protocol assignments": ["192.0.0.0/24"],
  documentation: ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"],
  "6to4 relay": ["192.88.99.0/24"],
  benchmarking: ["198.18.0.0/15"],
  multicast: ["224.0.0.0/4"],
  reserved: ["240.0.0.0/4"],
});

const global6 = ipaddr.parseCIDR("2000::/3");
const nat64 = ipaddr.parseCIDR("64:ff9b::/96");

// Within global unicast; everything outside of it is blocked as a whole. The others are here for their names.
const blocked6 = ranges({
  unspecified: ["::/128"],
  loopback: ["::1/128"],
  "IPv4-compatible": ["::/96"],
  "local NAT64": ["64:ff9b:1::/48"],
  discard: ["100::/64"],
  Teredo: ["2001::/32"],
  "protocol assignments": ["2001::/23"],
  documentation: ["2001:db8::/32", "3fff::/20"],
  "6to4": ["2002::/16"],
  "unique local": ["fc00::/7"],
  "link-local": ["fe80::/10"],
  "site-local": ["fec0::/10"],
  multicast: ["ff00::/8"],
});

/**
 * What kind of address it is when it is not one of the public Internet; undefined when it is. IPv4-mapped and NAT64
 * addresses are judged by the IPv4 address in them.
 */
export function specialRange(address: Address): string | undefined {
  const real = effective(address);
  if (real instanceof ipaddr.IPv4) return rangeOf(real, blocked4);
  if (inNetwork(real, nat64)) return rangeOf(new ipaddr.IPv4(real.toByteArray().slice(12)), blocked4);
  return rangeOf(real, blocked6) ?? (inNetwork(real, global6) ? undefined : "not global unicast");
}

function rangeOf(address: Address, table: Ranges): string | undefined {
  return table.find(([network]) => inNetwork(address, network))?.[1];
}
