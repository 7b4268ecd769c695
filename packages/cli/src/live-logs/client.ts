import { z } from "zod";

/** How long a platform on this machine may take to say that it is there. */
const statusTimeoutMs = 2_000;

/** Whether a running platform answers at `socketPath`. */
export async function isAnswering(socketPath: string): Promise<boolean> {
  try {
    const response = await fetch("http://openworkers/status", {
      unix: socketPath,
      signal: AbortSignal.timeout(statusTimeoutMs),
    });
    return response.ok;
  } catch {
    return false;
  }
}

const servesSchema = z.object({ serves: z.boolean() });

/** Several times within what a deploy takes to reach a runner, 150 ms at most. */
const askAgainMs = 5;

/** Resolves with `true` once the platform at `socketPath` serves a version, with `false` when `signal` aborts before. */
export async function untilServed(
  socketPath: string,
  worker: string,
  version: number,
  signal: AbortSignal,
): Promise<boolean> {
  const query = new URLSearchParams({ worker, version: String(version) });
  while (!signal.aborted) {
    const response = await fetch(`http://openworkers/serves?${query}`, { unix: socketPath }).catch(
      () => undefined,
    );
    // Nobody there: the platform has stopped since, and serves nothing.
    if (response === undefined) return false;
    if (servesSchema.parse(await response.json()).serves) return true;
    await Bun.sleep(askAgainMs);
  }
  return false;
}
