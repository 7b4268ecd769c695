import { afterAll, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { temporaryDirectory } from "@openworkers/db/testing";
import { ownCertificate, readCertificate } from "./listener/certificate.ts";
import { run, TestPlatform, tenantsServers } from "./testing/platform.ts";
import { codes, packet, RawClient, startup } from "./testing/raw-client.ts";

const parts = new AsyncDisposableStack();
const [server] = await tenantsServers(parts);
if (server === undefined) throw new Error("no PostgreSQL");
const platform = parts.use(await TestPlatform.start(server));
const { token } = await platform.tenant();
afterAll(() => parts.disposeAsync());

const encrypted = /^SSL connection \(protocol: TLSv1\.3/m;

test("psql encrypts unless it is told not to, and can check whom it speaks with", async () => {
  const conninfo = async (options: string) => {
    const url = platform.url(token, `${options}&hostaddr=127.0.0.1`).replace("@127.0.0.1", "@localhost");
    const { out, err } = await run(["psql", "-Xc", "\\conninfo", url]);
    return encrypted.test(out) ? "encrypted" : out === "" ? err : "plain";
  };
  expect(await conninfo("sslmode=prefer")).toBe("encrypted");
  expect(await conninfo("sslmode=require")).toBe("encrypted");
  expect(await conninfo("sslmode=disable")).toBe("plain");
  expect(await conninfo(`sslmode=verify-full&sslrootcert=${platform.certificateFile}`)).toBe("encrypted");
  const other = temporaryDirectory();
  ownCertificate(other);
  expect(await conninfo(`sslmode=verify-full&sslrootcert=${join(other, "postgate-tls.pem")}`)).toContain(
    "certificate verify failed",
  );
});

test("a client that begins with TLS is served when it says by ALPN that it speaks PostgreSQL", async () => {
  const answer = (ALPNProtocols: string[]) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket = connectTls({
      host: "127.0.0.1",
      port: platform.port,
      ALPNProtocols,
      rejectUnauthorized: false,
    });
    socket.on("secureConnect", () => socket.write(startup({ user: "u" })));
    socket.on("data", (bytes) => {
      resolve(bytes.toString("latin1"));
      socket.destroy();
    });
    socket.on("error", () => resolve("error"));
    socket.on("close", () => resolve("closed"));
    return promise;
  };
  expect(await answer(["postgresql"])).toBe("R\0\0\0\b\0\0\0\u0003");
  expect(["error", "closed"]).toContain(await answer(["http/1.1"]));
  expect(["error", "closed"]).toContain(await answer([]));
});

test("bytes that come before TLS are not taken for the client's", async () => {
  using client = await RawClient.connect(platform);
  client.send(Buffer.concat([packet(codes.ssl), startup({ user: "u" })]));
  await client.closed;
  expect(client.received.toString("latin1")).toContain("received unencrypted data after SSL");
  expect(client.received.toString("latin1")).not.toStartWith("S");
});

test("garbage instead of a TLS handshake ends that connection and no other", async () => {
  using client = await RawClient.connect(platform);
  client.send(packet(codes.ssl));
  expect((await client.until(1)).toString()).toBe("S");
  client.send("this is not TLS at all, not even nearly");
  await client.closed;
  expect((await run(["psql", "-XAtc", "select 1", platform.url(token)])).out).toBe("1\n");
});

test("GSSAPI is declined, and TLS may be asked for after it", async () => {
  using client = await RawClient.connect(platform);
  client.send(packet(codes.gss));
  await client.until(1);
  client.send(packet(codes.ssl));
  expect((await client.until(2)).toString()).toBe("NS");
});

test("from another machine a token is asked for with TLS only", async () => {
  const address = Object.values((await import("node:os")).networkInterfaces())
    .flat()
    .find((found) => found?.family === "IPv4" && !found.internal)?.address;
  // Without a second address nothing here is another machine to itself.
  if (address === undefined) return;
  const certificate = ownCertificate(temporaryDirectory());
  await using listener = platform.face.listen({ hostname: address, port: 0, certificate });
  const ask = (mode: string) =>
    run(["psql", "-XAtc", "select 1", `postgres://u:${token}@${address}:${listener.port}/d?sslmode=${mode}`]);
  expect(await ask("disable")).toMatchObject({ code: 2, err: expect.stringContaining("sslmode=require") });
  expect(await ask("require")).toMatchObject({ code: 0, out: "1\n" });
});

test("a certificate is made once, for its owner's eyes only", () => {
  const directory = temporaryDirectory();
  const made = ownCertificate(directory, ["db.example.com"]);
  expect(statSync(join(directory, "postgate-tls.pem")).mode & 0o777).toBe(0o600);
  const again = ownCertificate(directory);
  expect(again.cert).toContain(made.cert.trim());
});

test("an operator's certificate is refused with a key that is another's", async () => {
  const directory = temporaryDirectory();
  const [one, other] = [ownCertificate(join(directory, "1")), ownCertificate(join(directory, "2"))];
  await Bun.write(join(directory, "cert"), one.cert);
  await Bun.write(join(directory, "key"), other.key);
  await Bun.write(join(directory, "right"), one.key);
  const at = (name: string) => join(directory, name);
  expect(readCertificate(at("cert"), at("right"))).toEqual({ cert: one.cert, key: one.key });
  expect(() => readCertificate(at("cert"), at("key"))).toThrow("is not that of the certificate");
  expect(() => readCertificate(at("none"), at("key"))).toThrow("OW_POSTGATE_TLS_CERT");
});
