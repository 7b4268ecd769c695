import { join } from "node:path";

/** An authority of a test, and what it signed for a server on 127.0.0.1 and for a client: paths of PEM files. */
export interface TestCertificates {
  readonly caFile: string;
  readonly server: { readonly certFile: string; readonly keyFile: string };
  readonly client: { readonly certFile: string; readonly keyFile: string };
}

/** Makes them with `openssl` in `directory`. */
export function makeCertificates(directory: string): TestCertificates {
  const path = (name: string) => join(directory, name);
  const make = (name: string, ...more: string[]) => {
    const files = { certFile: path(`${name}.pem`), keyFile: path(`${name}.key`) };
    const command = [
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
    ];
    const names = ["-subj", `/CN=${name}`, "-days", "2", "-out", files.certFile, "-keyout", files.keyFile];
    const made = Bun.spawnSync([...command, ...names, ...more]);
    if (made.exitCode !== 0) throw new Error(`openssl: ${made.stderr.toString()}`);
    return files;
  };
  const ca = make("authority", "-addext", "basicConstraints=critical,CA:TRUE");
  const signed = (name: string, usage: string) =>
    make(
      name,
      ...["-CA", ca.certFile, "-CAkey", ca.keyFile],
      ...["-addext", "basicConstraints=critical,CA:FALSE", "-addext", `extendedKeyUsage=${usage}`],
      ...["-addext", "subjectAltName=IP:127.0.0.1"],
    );
  return {
    caFile: ca.certFile,
    server: signed("server", "serverAuth"),
    client: signed("client", "clientAuth"),
  };
}
