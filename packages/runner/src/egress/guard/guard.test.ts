import { describe, expect, test } from "bun:test";
import { isOpenWorkersError } from "@openworkers/core";
import { Guard, type GuardOptions } from "./guard.ts";
import { Permissions } from "./permissions.ts";
import type { EgressVia } from "./ports.ts";

/** "open", or the rule that a destination is refused by. `address` is what its name leads to. */
function verdict(
  host: string,
  { address = host, port = 443, via = "fetch" as EgressVia, allow = undefined as string[] | undefined } = {},
  options: GuardOptions = {},
): string {
  const guard = new Guard(options);
  try {
    const name = guard.judgeName({ host, port, via }, { allow });
    guard.judgeAddresses({ host: name, port, via }, [address]);
    return "open";
  } catch (thrown) {
    if (!isOpenWorkersError(thrown, "EGRESS_REFUSED")) throw thrown;
    return thrown.message;
  }
}

/** The first and the last address of each range, and what is just outside of it. */
const ranges: readonly (readonly [name: string, inside: readonly string[], outside: readonly string[]])[] = [
  ["this network", ["0.0.0.0", "0.255.255.255"], ["1.0.0.0"]],
  ["private", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]],
  ["carrier-grade NAT", ["100.64.0.0", "100.127.255.255"], ["100.63.255.255", "100.128.0.0"]],
  ["loopback", ["127.0.0.0", "127.255.255.255"], ["126.255.255.255", "128.0.0.0"]],
  ["link-local", ["169.254.0.0", "169.254.169.254", "169.254.255.255"], ["169.253.255.255", "169.255.0.0"]],
  ["private", ["172.16.0.0", "172.31.255.255"], ["172.15.255.255", "172.32.0.0"]],
  ["protocol assignments", ["192.0.0.0", "192.0.0.255"], ["191.255.255.255", "192.0.1.0"]],
  ["documentation", ["192.0.2.0", "192.0.2.255"], ["192.0.1.255", "192.0.3.0"]],
  ["6to4 relay", ["192.88.99.0", "192.88.99.255"], ["192.88.98.255", "192.88.100.0"]],
  ["private", ["192.168.0.0", "192.168.255.255"], ["192.167.255.255", "192.169.0.0"]],
  ["benchmarking", ["198.18.0.0", "198.19.255.255"], ["198.17.255.255", "198.20.0.0"]],
  ["documentation", ["198.51.100.0", "198.51.100.255"], ["198.51.99.255", "198.51.101.0"]],
  ["documentation", ["203.0.113.0", "203.0.113.255"], ["203.0.112.255", "203.0.114.0"]],
  ["multicast", ["224.0.0.0", "239.255.255.255"], ["223.255.255.255"]],
  ["reserved", ["240.0.0.0", "255.255.255.255"], []],
  ["cloud metadata", ["168.63.129.16"], ["168.63.129.15", "168.63.129.17"]],
  ["unspecified", ["::"], []],
  ["loopback", ["::1"], []],
  ["IPv4-compatible", ["::2", "::7f00:1", "::8.8.8.8", "::ffff:ffff"], []],
  ["private", ["::ffff:10.0.0.1", "::ffff:a00:1"], ["::ffff:8.8.8.8", "::ffff:808:808"]],
  ["loopback", ["::ffff:127.0.0.1", "64:ff9b::127.0.0.1"], []],
  ["link-local", ["64:ff9b::a9fe:a9fe"], ["64:ff9b::808:808"]],
  ["local NAT64", ["64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "64:ff9b:1::808:808"], []],
  ["not global unicast", ["64:ff9b:2::1", "::ffff:0:808:808", "1::1", "4000::1", "5f00::1"], []],
  ["discard", ["100::", "100::ffff:ffff:ffff:ffff"], []],
  ["Teredo", ["2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"], []],
  ["protocol assignments", ["2001:1::1", "2001:2::1", "2001:10::1", "2001:1ff:ffff::1"], ["2001:200::1"]],
  ["documentation", ["2001:db8::", "2001:db8:ffff:ffff::1"], ["2001:db7::1", "2001:db9::1"]],
  ["6to4", ["2002::", "2002:7f00:1::", "2002:ffff::1"], ["2003::1"]],
  ["documentation", ["3fff::", "3fff:fff:ffff::1"], ["3fff:1000::1", "3ffe::1"]],
  ["unique local", ["fc00::", "fd00:ec2::254", "fdff:ffff::1"], []],
  ["link-local", ["fe80::1", "febf::1"], []],
  ["site-local", ["fec0::1", "feff::1"], []],
  ["multicast", ["ff00::", "ff02::1", "ffff::1"], []],
];

describe("an address", () => {
  for (const [name, inside, outside] of ranges) {
    test(`that is ${name} (${inside[0]}) is refused, itself and behind a name; its neighbours are not`, () => {
      for (const address of inside) {
        expect([address, verdict(address)]).toEqual([
          address,
          `The platform refused the connection: ${address} is an address that is not public (${name}).`,
        ]);
        expect(verdict("example.com", { address })).toBe(
          `The platform refused the connection: example.com leads to an address that is not public (${name}).`,
        );
      }
      for (const address of outside) expect([address, verdict(address)]).toEqual([address, "open"]);
    });
  }

  test("that is not written in its one canonical way is none", () => {
    for (const address of [
      "127.1",
      "0x7f.0.0.1",
      "0177.0.0.1",
      "2130706433",
      "fe80::1%eth0",
      "",
      "localhost",
    ]) {
      expect(verdict("example.com", { address })).not.toBe("open");
    }
  });

  test("that is public opens nothing for another of the same name that is not", () => {
    const guard = new Guard();
    const to = { host: "example.com", port: 443, via: "fetch" } as const;
    expect(guard.judgeAddresses(to, ["1.1.1.1", "2606:4700::1"])).toEqual(["1.1.1.1", "2606:4700::1"]);
    for (const bad of ["10.0.0.1", "::1", "::ffff:10.0.0.1"]) {
      expect(() => guard.judgeAddresses(to, ["1.1.1.1", bad, "1.0.0.1"])).toThrow("not public");
    }
  });

  test("is connected to as IPv4 when it is a mapped one", () => {
    const to = { host: "example.com", port: 443, via: "fetch" } as const;
    expect(new Guard().judgeAddresses(to, ["::ffff:1.1.1.1"])).toEqual(["1.1.1.1"]);
  });
});

describe("a name", () => {
  test("of a metadata service is refused before it is looked up", () => {
    for (const host of [
      "metadata.google.internal",
      "metadata.google.internal.",
      "metadata",
      "metadata.goog",
    ]) {
      expect(verdict(host, { address: "1.1.1.1" })).toContain("is a metadata service");
    }
  });

  test("is looked up without its trailing dot", () => {
    expect(new Guard().judgeName({ host: "example.com.", port: 443, via: "fetch" }, {})).toBe("example.com");
  });

  test("must be on the worker's list when it has one", () => {
    const allow = ["api.example.com", "*.example.org", "1.1.1.1"];
    const ask = (host: string) => verdict(host, { address: "1.1.1.1", allow });
    for (const host of [
      "api.example.com",
      "api.example.com.",
      "a.example.org",
      "a.b.example.org",
      "1.1.1.1",
    ]) {
      expect([host, ask(host)]).toEqual([host, "open"]);
    }
    for (const host of [
      ...["example.com", "evil-api.example.com", "api.example.com.evil.test", "xapi.example.com"],
      ...["example.org", "example.org.", "evilexample.org", "1.1.1.2"],
    ]) {
      expect([host, ask(host)]).toEqual([
        host,
        expect.stringContaining("is not in the worker's openworkers.egress.allow"),
      ]);
    }
    expect(verdict("example.com", { address: "1.1.1.1", allow: [] })).toContain("openworkers.egress.allow");
  });

  test("on the worker's list leads nowhere that is not public", () => {
    expect(verdict("10.0.0.1", { allow: ["10.0.0.1"] })).toContain("(private)");
  });
});

describe("a port", () => {
  test("is open to fetch unless it is one of another protocol", () => {
    for (const port of [80, 443, 8080, 8443, 3000, 65_535]) expect(verdict("1.1.1.1", { port })).toBe("open");
    for (const port of [0, 22, 25, 53, 465, 587, 3306, 5432, 6379, 6667, 11_211, 27_017]) {
      expect(verdict("1.1.1.1", { port })).toContain(`port ${port} is blocked`);
    }
  });

  test("is open to connect() unless it is 25", () => {
    for (const port of [22, 465, 587, 5432, 6379]) {
      expect(verdict("1.1.1.1", { port, via: "connect" })).toBe("open");
    }
    expect(verdict("1.1.1.1", { port: 25, via: "connect" })).toContain("port 25 is blocked");
  });
});

describe("an operator", () => {
  const permitting = (...entries: string[]): GuardOptions => ({ permissions: Permissions.parse(entries) });

  test("can permit a range, and nothing else with it", () => {
    const options = permitting("10.1.0.0/16", "fd00:1::/32");
    expect(verdict("10.1.255.255", {}, options)).toBe("open");
    expect(verdict("minio.test", { address: "fd00:1::5" }, options)).toBe("open");
    expect(verdict("::ffff:10.1.0.1", {}, options)).toBe("open");
    for (const host of ["10.2.0.0", "fd00:2::1", "127.0.0.1", "64:ff9b::10.2.0.1"]) {
      expect([host, verdict(host, {}, options)]).toEqual([host, expect.stringContaining("not public")]);
    }
  });

  test("can permit one port of an address", () => {
    const options = permitting("192.168.1.5:9000", "[fd00::1]:9000");
    expect(verdict("192.168.1.5", { port: 9000 }, options)).toBe("open");
    expect(verdict("fd00::1", { port: 9000 }, options)).toBe("open");
    expect(verdict("192.168.1.5", { port: 9001 }, options)).toContain("not public");
    expect(verdict("192.168.1.6", { port: 9000 }, options)).toContain("not public");
  });

  test("can permit a host by name, and not those who lead to where it is", () => {
    const options = permitting("minio.internal");
    expect(verdict("minio.internal", { address: "10.0.0.7" }, options)).toBe("open");
    expect(verdict("rebound.test", { address: "10.0.0.7" }, options)).toContain("not public");
    expect(verdict("10.0.0.7", {}, options)).toContain("not public");
  });

  test("can switch it off", () => {
    expect(verdict("1.1.1.1", {}, { open: false })).toContain("switched off on this platform (OW_EGRESS)");
  });

  test("is told which entry makes no sense", () => {
    for (const entry of [
      "10.0.0.0/33",
      "10.0.0/8",
      "https://minio",
      "a b",
      "10.0.0.1:99999",
      "[minio]:1",
      "::1/129",
    ]) {
      expect(() => Permissions.parse([entry])).toThrow(entry);
    }
  });
});

describe("the platform itself", () => {
  const around = (...entries: string[]): GuardOptions => ({
    permissions: Permissions.parse(entries),
    localAddresses: () => ["10.0.0.2", "203.1.2.3", "fe80::1"],
    platform: () => [{ port: 8787 }, { host: "10.0.0.9", port: 5432 }, { host: "db.internal", port: 5432 }],
  });

  test("is out of reach although the ranges around it are permitted", () => {
    const options = around("0.0.0.0/0", "::/0");
    const connect = (host: string, port: number) => verdict(host, { port, via: "connect" }, options);
    for (const host of ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", "10.0.0.2"]) {
      expect([host, connect(host, 8787)]).toEqual([host, expect.stringContaining("the platform itself")]);
    }
    expect(verdict("rebound.test", { address: "127.0.0.1", port: 8787 }, options)).toContain(
      "the platform itself",
    );
    expect(connect("10.0.0.9", 5432)).toContain("the platform itself");
    expect(connect("10.0.0.9", 5433)).toBe("open");
    const byName = { address: "10.0.0.77", port: 5432, via: "connect" } as const;
    expect(verdict("db.internal", byName, options)).toContain("the platform itself");
    expect(connect("127.0.0.1", 9999)).toBe("open");
  });

  test("gives its other ports only to who names its address", () => {
    const { permissions: _, ...bare } = around();
    expect(verdict("203.1.2.3", {}, bare)).toContain("the machine that the worker runs on");
    expect(verdict("10.0.0.2", {}, around("10.0.0.0/8"))).toContain("the machine that the worker runs on");
    expect(verdict("10.0.0.2", {}, around("10.0.0.2"))).toBe("open");
    expect(verdict("203.1.2.3", {}, around("203.1.2.3"))).toBe("open");
    expect(verdict("203.1.2.3", { port: 8787 }, around("203.1.2.3"))).toContain("the platform itself");
  });

  test("is reached when the operator names the port", () => {
    expect(verdict("203.1.2.3", { port: 8787 }, around("203.1.2.3:8787"))).toBe("open");
    expect(verdict("127.0.0.1", { port: 8787 }, around("127.0.0.1:8787"))).toBe("open");
  });
});
