import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { type Wire, wireHandlers } from "@openworkers/core";
import type { Address } from "@openworkers/db";
import { serialize } from "pg-protocol";
import { ConnectionLost, Intake } from "../protocol/intake.ts";

/**
 * A connection to the PostgreSQL at `address`, encrypted as it says. Ends at once when `signal` aborts, until it has
 * been returned.
 *
 * @throws Error saying why not
 */
export async function dial(
  address: Address,
  signal: AbortSignal,
  report: (error: unknown) => void,
): Promise<Intake> {
  signal.throwIfAborted();
  const plain = new Intake(report);
  const intake = address.tls === "disable" ? plain : new Intake(report);
  const aborted = Promise.withResolvers<never>();
  const abort = () => {
    plain.destroy();
    intake.destroy();
    aborted.reject(new ConnectionLost());
  };
  // It may reject when nobody waits for it any more: whoever does is told by the race.
  aborted.promise.catch(() => {});
  signal.addEventListener("abort", abort);
  try {
    const connected = connect(address, plain.wire);
    // The kernel tries for minutes when nobody answers. A wire that is closed by then ends the socket.
    await Promise.race([connected, aborted.promise]);
    if (intake !== plain) await encrypt(plain, intake, address);
    signal.throwIfAborted();
    intake.wire.keepAlive(30_000);
    return intake;
  } catch (thrown) {
    abort();
    throw thrown;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function connect({ host, ip = host, port }: Address, wire: Wire): Promise<unknown> {
  const parts = { socket: wireHandlers, data: wire };
  if (host.startsWith("/")) return Bun.connect({ ...parts, unix: `${host}/.s.PGSQL.${port}` });
  return Bun.connect({ ...parts, hostname: ip, port });
}

async function encrypt(plain: Intake, secure: Intake, { host, tls }: Address): Promise<void> {
  plain.wire.write(serialize.requestSsl());
  const answer = (await plain.read(1)).toString("latin1");
  if (answer !== "S") throw new Error("the server does not offer TLS");
  // Whoever sits in between could put words into the server's mouth: CVE-2021-23222.
  if (plain.heldBytes > 0) throw new Error("the server sent more than its answer before TLS");
  await plain.wire.upgradeTls(
    secure.wire,
    {
      rejectUnauthorized: tls === "verify-full",
      // An address is no name that a server could choose a certificate by (RFC 6066 §3).
      ...(isIP(host) === 0 ? { serverName: host } : {}),
    },
    (socket) => {
      if (tls !== "verify-full") return undefined;
      if (!socket.authorized)
        return new Error("the server's certificate is not from an authority that is trusted here");
      return checkServerIdentity(host, socket.getPeerCertificate() as PeerCertificate);
    },
  );
}
