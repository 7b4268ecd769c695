import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { messageOf, OpenWorkersError } from "@openworkers/core";
import forge from "node-forge";

/** A certificate chain and its private key, as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const validDays = 3_650;

/**
 * The operator's certificate.
 *
 * @throws OpenWorkersError CONFIG_INVALID: a file that cannot be read, or a key that is not the certificate's
 */
export function readCertificate(certFile: string, keyFile: string): Certificate {
  const found = { cert: read("OW_POSTGATE_TLS_CERT", certFile), key: read("OW_POSTGATE_TLS_KEY", keyFile) };
  let fits: boolean;
  try {
    fits = new X509Certificate(found.cert).checkPrivateKey(createPrivateKey(found.key));
  } catch (thrown) {
    throw new OpenWorkersError(
      "CONFIG_INVALID",
      `The certificate ${certFile} cannot be used: ${messageOf(thrown)}.`,
      {
        cause: thrown,
        hint: "OW_POSTGATE_TLS_CERT and OW_POSTGATE_TLS_KEY name files in PEM form, the key without a password.",
      },
    );
  }
  if (!fits) {
    throw new OpenWorkersError(
      "CONFIG_INVALID",
      `The key ${keyFile} is not that of the certificate ${certFile}.`,
    );
  }
  return found;
}

/**
 * The certificate that Postgate signed for itself in `directory`, made when there is none or it has run out. It keeps
 * listeners out; only who has a copy of it (`sslrootcert`) knows that it is this Postgate.
 */
export function ownCertificate(directory: string, names: readonly string[] = defaultNames()): Certificate {
  const file = join(directory, "postgate-tls.pem");
  if (existsSync(file)) {
    const pem = readFileSync(file, "utf8");
    if (Date.parse(new X509Certificate(pem).validTo) > Date.now()) return { cert: pem, key: pem };
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { cert, key } = selfSigned(names);
  // Both in one file, made beside its place: a start that is killed leaves either none or a pair that fits.
  const made = `${file}.${process.pid}`;
  writeFileSync(made, key + cert, { mode: 0o600 });
  renameSync(made, file);
  return { cert, key };
}

function defaultNames(): string[] {
  return ["localhost", "127.0.0.1", "::1", hostname()];
}

function selfSigned(names: readonly string[]): Certificate {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const key = forge.pki.privateKeyFromPem(privateKey);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.setRsaPublicKey(key.n, key.e);
  // RFC 5280 §4.1.2.2: positive, at most 20 bytes.
  certificate.serialNumber = `01${forge.util.bytesToHex(forge.random.getBytesSync(16))}`;
  certificate.validity.notBefore = new Date(Date.now() - 24 * 3_600_000);
  certificate.validity.notAfter = new Date(Date.now() + validDays * 24 * 3_600_000);
  const subject = [{ name: "commonName", value: "OpenWorkers Postgate" }];
  certificate.setSubject(subject);
  certificate.setIssuer(subject);
  certificate.setExtensions([
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", digitalSignature: true, keyCertSign: true, critical: true },
    { name: "extKeyUsage", serverAuth: true },
    {
      name: "subjectAltName",
      altNames: names.map((name) => (isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name })),
    },
  ]);
  certificate.sign(key, forge.md.sha256.create());
  return { cert: forge.pki.certificateToPem(certificate), key: privateKey };
}

function read(variable: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw new OpenWorkersError("CONFIG_INVALID", `${variable}: ${messageOf(thrown)}.`, { cause: thrown });
  }
}
