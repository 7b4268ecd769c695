import { expect, test } from "bun:test";
import { isRefusal } from "./http/refusal.ts";
import { parseRequestHead } from "./http/request-head.ts";
import { forwardedOrigin, normaliseAddress, TrustedProxies } from "./trusted-proxies.ts";

function clientIp(forwardedFor: string, ...trusted: string[]): string {
  const head = parseRequestHead(`GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${forwardedFor}\r\n\r\n`);
  if (isRefusal(head)) throw new Error(head.message);
  return forwardedOrigin("10.0.0.1", head, new TrustedProxies(trusted)).clientIp;
}

test.each([
  ["203.0.113.9", "203.0.113.9"],
  ["6.6.6.6, 203.0.113.9", "203.0.113.9"],
  ["6.6.6.6, 203.0.113.9, 10.1.2.3", "203.0.113.9"],
  ["10.1.2.3", "10.1.2.3"],
  ["::ffff:203.0.113.9", "203.0.113.9"],
  ["2001:db8::1, 10.0.0.2", "2001:db8::1"],
  ["unknown, <script>, 203.0.113.9", "203.0.113.9"],
  ["unknown", "10.0.0.1"],
  ["", "10.0.0.1"],
])("through trusted proxies, the client of %j is %s", (forwardedFor, expected) => {
  expect(clientIp(forwardedFor, "10.0.0.0/8")).toBe(expected);
});

test.each([
  ["10.0.0.0/8", "10.255.0.1", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["192.0.2.7", "192.0.2.7", true],
  ["192.0.2.7", "192.0.2.8", false],
  ["::1", "::1", true],
  ["2001:db8::/32", "2001:db8:1::5", true],
  ["2001:db8::/32", "2001:db9::5", false],
  ["0.0.0.0/0", "8.8.8.8", true],
  ["10.0.0.0/8", "nonsense", false],
])("%s trusts %s: %p", (cidr, address, expected) => {
  expect(new TrustedProxies([cidr]).includes(address)).toBe(expected);
});

test.each(["", "10.0.0.0/33", "10.0.0/8", "::1/129", "example.com", "10.0.0.0/-1", "10.0.0.0/8x"])(
  "%j is refused",
  (cidr) => {
    expect(() => new TrustedProxies([cidr])).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  },
);

test("an IPv4 peer of a dual-stack listener is its IPv4 address", () => {
  expect(normaliseAddress("::ffff:127.0.0.1")).toBe("127.0.0.1");
  expect(normaliseAddress("::1")).toBe("::1");
});
