import type { CancelKeys } from "../cancel-keys.ts";
import { negotiateProtocolVersion } from "../protocol/server-messages.ts";
import { wantedExtensions } from "../protocol/startup-settings.ts";
import type { Certificate } from "./certificate.ts";
import { type Client, farewell } from "./client.ts";
import { handshake } from "./handshake.ts";

interface Cancellable {
  cancel(): Promise<void>;
}

/**
 * Greets a client. Returns what it says of the session that it wants; undefined when it came to cancel another's statement,
 * and has been seen off.
 *
 * @throws as `handshake`
 */
export async function greet(
  client: Client,
  certificate: Certificate | undefined,
  keys: CancelKeys<Cancellable>,
  report: (error: unknown) => void,
): Promise<ReadonlyMap<string, string> | undefined> {
  const greeting = await handshake(client, certificate, report);
  if (greeting.kind === "cancel") {
    // As with PostgreSQL: nothing is said, and the end of the connection says that it has been acted on.
    await keys.find(greeting.key)?.cancel();
    await farewell(client);
    return undefined;
  }
  const extensions = wantedExtensions(greeting.parameters);
  if (greeting.minor > 0 || extensions.length > 0) {
    client.intake.wire.write(negotiateProtocolVersion(extensions));
  }
  return greeting.parameters;
}
