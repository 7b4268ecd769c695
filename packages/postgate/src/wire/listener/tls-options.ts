import type { TLSOptions } from "bun";
import type { Certificate } from "./certificate.ts";

/** https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-SSL */
export const alpn = "postgresql";

/** How clients are spoken to with TLS. */
export function tlsOptions({ cert, key }: Certificate): TLSOptions {
  return { cert, key, ALPNProtocols: `${String.fromCharCode(alpn.length)}${alpn}` };
}
