import { messageOf, OpenWorkersError } from "@openworkers/core";

/** Why nobody listens: PORT_IN_USE, or CONFIG_INVALID for a place that cannot be had. `variable` names the port. */
export function listenFailure(cause: unknown, hostname: string, port: number, variable: string): unknown {
  if (!(cause instanceof Error && "code" in cause && typeof cause.code === "string")) return cause;
  const message = `Postgate cannot listen on ${hostname}:${port}: ${messageOf(cause)}.`;
  return cause.code === "EADDRINUSE"
    ? new OpenWorkersError("PORT_IN_USE", message, { cause, hint: `Choose another port: ${variable}.` })
    : new OpenWorkersError("CONFIG_INVALID", message, {
        cause,
        hint: `Change OW_POSTGATE_HOST or ${variable}.`,
      });
}
