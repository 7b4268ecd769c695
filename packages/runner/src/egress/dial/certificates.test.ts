import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { authority, authorityFile } from "../testing/servers.ts";
import { trustedCertificates } from "./certificates.ts";

test("the usual authorities are trusted, each once", () => {
  const prints = trustedCertificates().map((text) => new X509Certificate(text).fingerprint256);
  expect(prints.length).toBeGreaterThan(50);
  expect(new Set(prints).size).toBe(prints.length);
});

test("an operator's own authorities are trusted beside them", () => {
  const own = new X509Certificate(authority).fingerprint256;
  const prints = trustedCertificates(authorityFile).map((text) => new X509Certificate(text).fingerprint256);
  expect(prints).toContain(own);
  expect(prints.length).toBe(trustedCertificates().length + 1);
});

test("a file without a certificate is refused by the setting's name", () => {
  for (const file of [join(import.meta.dir, "nowhere.pem"), import.meta.path]) {
    expect(() => trustedCertificates(file)).toThrow("OW_EGRESS_CA");
  }
});
