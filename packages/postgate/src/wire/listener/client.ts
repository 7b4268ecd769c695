import type { Intake } from "../protocol/intake.ts";
import { fatal, type ServerError } from "../protocol/server-messages.ts";
import type { StartupPacket } from "../protocol/startup-packet.ts";

/** Someone who has connected. */
export interface Client {
  /** Where to read and write; another one after TLS has begun. */
  intake: Intake;
  encrypted: boolean;
  /** IP address; empty on a Unix socket. */
  readonly address: string;
}

export type Greeting = Extract<StartupPacket, { kind: "cancel" | "startup" }>;

/** How long a peer that was told to go may take to close its side. */
const farewellMs = 2_000;

/** Sends what is still to be sent, says why if there is a reason, and closes. */
export function farewell({ intake }: Pick<Client, "intake">, reason?: ServerError): void {
  if (intake.wire.closed) return;
  const timer = setTimeout(() => intake.destroy(), farewellMs);
  intake.handOver({ onData() {}, onDrain() {}, onClose: () => clearTimeout(timer) });
  if (reason !== undefined) intake.wire.write(fatal(reason));
  intake.wire.end();
}
