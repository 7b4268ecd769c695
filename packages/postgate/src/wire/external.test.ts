import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createResource, databaseReady } from "@openworkers/db";
import { temporaryDirectory } from "@openworkers/db/testing";
import { installedPostgres, startTlsPostgres, type TlsPostgres } from "../testing/debian-postgres.ts";
import { run, TestPlatform, tenantsServers } from "./testing/platform.ts";
import { message, RawClient, startup } from "./testing/raw-client.ts";

const parts = new AsyncDisposableStack();
const [found] = installedPostgres;
const debian = found === undefined ? undefined : parts.use(await startTlsPostgres(found));
afterAll(() => parts.disposeAsync());

describe.skipIf(debian === undefined)("a server of the owner's", () => {
  const { port, certificate, password } = debian ?? ({} as TlsPostgres);
  let platform: TestPlatform;

  beforeAll(async () => {
    const [own] = await tenantsServers(parts);
    if (own === undefined) throw new Error("no PostgreSQL");
    platform = parts.use(await TestPlatform.start(own));
  });

  /** Asks through a database of the platform's that is at `url`. */
  async function ask(url: string, sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()") {
    const id = await createResource(platform.database, "database", {
      name: `ext-${crypto.randomUUID()}`,
      by: platform.by,
    });
    await databaseReady(platform.database, id, { kind: "external", opens: { url } });
    const { token } = await platform.token(id, "owner");
    const { code, out, err } = await run(["psql", "-XAtc", sql, platform.url(token)]);
    return code === 0 ? out.trim() : err.replace(/^.*FATAL: {2}/s, "").trim();
  }

  test("is spoken to with TLS when its URL says so", async () => {
    expect(await ask(`postgres://admin:${password}@localhost:${port}/postgres?sslmode=require`)).toBe("t");
    expect(await ask(`postgres://admin:${password}@127.0.0.1:${port}/postgres?sslmode=disable`)).toBe("f");
  });

  test("with verify-full must show a certificate that is trusted here", async () => {
    const url = `postgres://admin:${password}@localhost:${port}/postgres?sslmode=verify-full`;
    expect(await ask(url)).toContain("the database cannot be reached");
    expect(platform.reported.at(-1)?.details.error).toContain("certificate");

    const ca = join(temporaryDirectory(), "ca.pem");
    await Bun.write(ca, certificate);
    const trusting = async (to: string) => {
      const child = Bun.spawn([process.execPath, join(import.meta.dir, "testing/face-alone.ts")], {
        env: {
          NODE_EXTRA_CA_CERTS: ca,
          FACE: JSON.stringify({ server: to, id: crypto.randomUUID(), place: { kind: "external", url: to } }),
        },
        stdout: "pipe",
        stderr: "ignore",
      });
      try {
        const { value } = await child.stdout.getReader().read();
        const at = `postgres://u:p@127.0.0.1:${Number(new TextDecoder().decode(value))}/d?sslmode=disable`;
        return (await run(["psql", "-XAtc", "select 1", at])).code;
      } finally {
        child.kill();
        await child.exited;
      }
    };
    expect(await trusting(url)).toBe(0);
    // The same server by a name that its certificate does not say.
    expect(await trusting(url.replace("@localhost", "@127.0.0.1"))).toBe(2);
  });

  test("a wrong password, an unknown database and nobody at home are told in our words", async () => {
    expect(await ask(`postgres://admin:wrong@localhost:${port}/postgres`)).toBe(
      "the database does not accept the login that is kept for it",
    );
    expect(await ask(`postgres://admin:${password}@localhost:${port}/nowhere`)).toBe(
      "the database is not on its server",
    );
    const closed = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    closed.stop(true);
    expect(await ask(`postgres://admin:${password}@127.0.0.1:${closed.port}/postgres`)).toContain(
      "the database cannot be reached",
    );
  });

  test("that takes connections and says nothing holds nobody for longer than they wait", async () => {
    const reached = Promise.withResolvers<void>();
    using mute = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: () => reached.resolve() },
    });
    const id = await createResource(platform.database, "database", { name: "mute", by: platform.by });
    const url = `postgres://a:b@127.0.0.1:${mute.port}/d?sslmode=disable`;
    await databaseReady(platform.database, id, { kind: "external", opens: { url } });
    const { token } = await platform.token(id, "owner");
    const client = await RawClient.connect(platform);
    client.send(Buffer.concat([startup({ user: "u" }), message("p", `${token}\0`)]));
    await reached.promise;
    expect(platform.face.sessions).toBe(1);
    client[Symbol.dispose]();
    while (platform.face.sessions > 0) await Bun.sleep(10);
  });

  test("a server that puts words behind its answer to SSLRequest is not believed", async () => {
    using liar = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.write("SE\0\0\0\u0010SFATAL\0Mlies\0\0") },
    });
    expect(await ask(`postgres://a:b@127.0.0.1:${liar.port}/d?sslmode=require`)).not.toContain("lies");
    expect(platform.reported.at(-1)?.details.error).toContain("more than its answer before TLS");
  });

  test("a server that lets anybody in without proving that it knows the password is not believed", async () => {
    const sasl = Buffer.from("R\0\0\0\u0017\0\0\0\u000aSCRAM-SHA-256\0\0", "latin1");
    const ok = Buffer.from("R\0\0\0\u0008\0\0\0\0Z\0\0\0\u0005I", "latin1");
    let asked = 0;
    using liar = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.write(asked++ === 0 ? sasl : ok) },
    });
    expect(await ask(`postgres://a:b@127.0.0.1:${liar.port}/d?sslmode=disable`)).toContain(
      "cannot be reached",
    );
    expect(platform.reported.at(-1)?.details.error).toContain("did not prove that it knows the password");
  });
});
