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

/** How long a peer that was told to go may take to read that and close its side. */
const farewellMs = 5_000;

/** Sends what is still to be sent, says why if there is a reason, and closes; resolves when the peer has gone. */
export function farewell({ intake }: Pick<Client, "intake">, reason?: ServerError): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => intake.destroy(), farewellMs);
  const onClose = () => {
    clearTimeout(timer);
    resolve();
  };
  if (reason !== undefined) intake.wire.write(fatal(reason));
  intake.wire.end();
  intake.handOver({ onData() {}, onDrain() {}, onClose });
  return promise;
}

/** Says why there is no place, and closes without waiting whether anybody reads it. */
export function turnAway({ intake }: Pick<Client, "intake">): void {
  intake.wire.write(fatal({ code: "53300", message: "too many connections" }));
  intake.wire.close();
}
