import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Wire, wireHandlers } from "@openworkers/core";
import { Intake } from "../protocol/intake.ts";
import { ProtocolViolation } from "../protocol/startup-packet.ts";
import { Relay } from "../relay.ts";
import type { Certificate } from "./certificate.ts";
import { alpn, tlsOptions } from "./tls-options.ts";

/**
 * TLS with a client that begins with it (`sslnegotiation=direct`). Bun can begin TLS on a socket only with bytes that
 * nobody has read, and the first had to be read to know: so what the client sends goes through a socket of our own,
 * for it alone, at whose other end is TLS from the first byte.
 *
 * @throws ProtocolViolation for another protocol than PostgreSQL's; Error when the handshake fails
 */
export async function directTls(
  client: Intake,
  head: Buffer,
  certificate: Certificate,
  report: (error: unknown) => void,
): Promise<Intake> {
  const secure = new Intake(report);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Of mode 0700: nobody else connects to it.
  const directory = mkdtempSync(join(tmpdir(), "ow-tls-"));
  const path = join(directory, "s");
  const server = Bun.listen<Wire>({
    unix: path,
    tls: tlsOptions(certificate),
    socket: {
      ...wireHandlers,
      open: (socket) => {
        socket.data = secure.wire;
        secure.wire.opened(socket);
      },
      handshake: (socket, success, error) => {
        if (success && socket.alpnProtocol === alpn) return resolve();
        reject(success ? new ProtocolViolation(`TLS without ALPN "${alpn}"`) : error);
        secure.destroy();
      },
      close: (socket) => {
        reject(new Error("the connection ended during the TLS handshake"));
        socket.data.gone();
      },
    },
  });
  const outer = new Intake(report);
  try {
    await Bun.connect({ unix: path, socket: wireHandlers, data: outer.wire });
  } finally {
    server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
  outer.wire.write(head);
  new Relay({
    client,
    backend: outer,
    // What was written before the end is still on its way: an end, not a cut.
    onEnd: (who) => (who === "client" ? outer : client).wire.end(),
  }).start();
  await promise;
  return secure;
}
