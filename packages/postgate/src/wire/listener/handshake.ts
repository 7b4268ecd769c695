import { ConnectionLost, Intake } from "../protocol/intake.ts";
import { accepted, declined } from "../protocol/server-messages.ts";
import { ProtocolViolation, parseStartupPacket, startupLength } from "../protocol/startup-packet.ts";
import type { Certificate } from "./certificate.ts";
import type { Client, Greeting } from "./client.ts";
import { directTls } from "./direct-tls.ts";
import { tlsOptions } from "./tls-options.ts";

/** The first byte of a TLS handshake record (RFC 8446 §5.1), and of no start-up packet: that would be 360 MB long. */
const tlsRecord = 0x16;

/**
 * What the client wants, with TLS when it asks for it and there is a certificate. `client.intake` is where it speaks
 * then.
 *
 * @throws ProtocolViolation; ConnectionLost, also when TLS fails: its own alert has told the client why
 */
export async function handshake(
  client: Client,
  certificate: Certificate | undefined,
  report: (error: unknown) => void,
): Promise<Greeting> {
  const asked = new Set<string>();
  for (;;) {
    const head = await client.intake.read(4);
    if (head[0] === tlsRecord && certificate !== undefined && asked.size === 0) {
      client.intake = await directTls(client.intake, head, certificate, report).catch(lost);
      client.encrypted = true;
      asked.add("ssl");
      continue;
    }
    const rest = await client.intake.read(startupLength(head) - 4);
    const packet = parseStartupPacket(Buffer.concat([head, rest]));
    if (packet.kind === "cancel" || packet.kind === "startup") return packet;
    if (asked.has(packet.kind) || client.encrypted)
      throw new ProtocolViolation(`${packet.kind} has been asked for before`);
    asked.add(packet.kind);
    // What came before encryption came from anybody, and must not be taken for the client's: CVE-2021-23214.
    if (client.intake.heldBytes > 0) {
      throw new ProtocolViolation("received unencrypted data after SSL or GSSAPI encryption request");
    }
    if (packet.kind === "gss" || certificate === undefined) {
      client.intake.wire.write(declined);
      continue;
    }
    client.intake.wire.write(accepted);
    const plain = client.intake.wire;
    // From here on it is this one that a deadline has to end.
    client.intake = new Intake(report);
    client.encrypted = true;
    await plain.upgradeTls(client.intake.wire, tlsOptions(certificate)).catch(lost);
  }
}

function lost(thrown: unknown): never {
  throw thrown instanceof ProtocolViolation ? thrown : new ConnectionLost({ cause: thrown });
}
