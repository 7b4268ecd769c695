import { createServer } from "node:net";
import { OpenWorkersError } from "@openworkers/core";

/**
 * Finds out early whether a port can be had: before a database is started for nothing.
 *
 * @throws OpenWorkersError PORT_IN_USE
 */
export async function checkPort(port: number, hostname: string): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ port, host: hostname, exclusive: true }, resolve);
  try {
    await promise;
  } catch (cause) {
    throw portError(port, hostname, cause);
  }
  await new Promise((closed) => server.close(closed));
}

function portError(port: number, hostname: string, cause: unknown): OpenWorkersError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EADDRINUSE") {
    return new OpenWorkersError("PORT_IN_USE", `Port ${port} is taken.`, {
      cause,
      hint: `Choose another (--port ${port + 1}), or any free one (--port 0).`,
    });
  }
  if (code === "EACCES") {
    return new OpenWorkersError("PORT_IN_USE", `Port ${port} may only be used by root.`, {
      cause,
      hint: "Choose one above 1023, and put a proxy in front of it.",
    });
  }
  return new OpenWorkersError(
    "PORT_IN_USE",
    `Nothing can listen on ${hostname}:${port} (${code ?? cause}).`,
    {
      cause,
      hint: "Choose another --port or --host.",
    },
  );
}
