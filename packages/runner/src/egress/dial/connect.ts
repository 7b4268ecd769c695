import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { messageOf, type Wire, wireHandlers } from "@openworkers/core";
import type { SocketHandler } from "bun";

export interface Peer {
  /** The one to connect to, judged. Never a name: nothing is looked up here. */
  readonly address: string;
  readonly port: number;
  /** Whom to verify with TLS; without, the connection is plain. */
  readonly tls?: { readonly host: string; readonly authorities: readonly string[] };
}

/**
 * Connects `wire` to a peer. An attempt that `signal` aborts ends at once, except that the kernel goes on for up to two
 * minutes with one that nobody answers: `ended` is called when nothing of it is left. Resolves when bytes can be exchanged, with TLS only after the peer has proved that it is
 * who was asked for.
 *
 * @throws Error saying why not; the wire is closed then
 */
export async function connect(
  wire: Wire,
  { address, port, tls }: Peer,
  signal: AbortSignal,
  ended: () => void,
): Promise<void> {
  if (tls === undefined) {
    // A wire that was closed meanwhile ends the socket as soon as it stands.
    const connected = Bun.connect({ hostname: address, port, socket: wireHandlers, data: wire });
    connected.then(ended, ended);
    await connected;
    return;
  }
  const { host, authorities } = tls;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let verified = false;
  const handlers: SocketHandler<Wire> = {
    ...wireHandlers,
    // Nothing may be written before it is known who reads it.
    open(socket) {
      if (wire.closed || signal.aborted) socket.terminate();
      else signal.addEventListener("abort", () => verified || socket.terminate(), { once: true });
    },
    handshake(socket, success, error) {
      const wrong = error ?? checkServerIdentity(host, socket.getPeerCertificate() as PeerCertificate);
      if (!success || !socket.authorized || wrong !== undefined) {
        reject(new Error(`its certificate was not accepted: ${messageOf(wrong ?? "the handshake failed")}`));
        socket.terminate();
        return;
      }
      verified = true;
      ended();
      socket.data.opened(socket);
      resolve();
    },
    close(socket) {
      ended();
      if (verified) socket.data.gone();
      else reject(new Error("the connection ended during the TLS handshake"));
    },
    error(socket, error) {
      if (verified) socket.data.failed(error);
      else reject(error);
    },
    data(socket, bytes) {
      if (verified) socket.data.received(bytes);
    },
  };
  const connected = Bun.connect({
    hostname: address,
    port,
    tls: {
      ca: [...authorities],
      rejectUnauthorized: true,
      // An address is no name that a server could choose a certificate by (RFC 6066 §3).
      ...(isIP(host) === 0 ? { serverName: host } : {}),
    },
    socket: handlers,
    data: wire,
  });
  connected.catch((thrown: unknown) => {
    ended();
    reject(thrown);
  });
  try {
    await promise;
  } catch (thrown) {
    wire.terminate();
    throw thrown;
  }
}
