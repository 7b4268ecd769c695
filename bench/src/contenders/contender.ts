import { createServer } from "node:net";
import { dirname } from "node:path";

/** Something that answers the same request with the same bytes. */
export interface Contender extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly host: string;
  /** Its processes are these and their descendants. */
  readonly pids: readonly number[];
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null
          ? resolve(address.port)
          : reject(new Error("no port")),
      );
    });
  });
}

interface Started {
  readonly command: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** When it is not known beforehand, it is read from a line `listening on PORT`. */
  readonly port?: number;
}

/** Starts a process in a group of its own and waits until it answers over HTTP. */
export async function startProcess(name: string, { command, cwd, env, port }: Started): Promise<Contender> {
  const child = Bun.spawn([...command], {
    cwd: cwd ?? dirname(import.meta.dir),
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: port === undefined ? "pipe" : "ignore",
    stderr: "ignore",
    detached: true,
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    // Politely first, so that a parent collects its children; wrangler has been seen not to listen.
    process.kill(-child.pid, "SIGTERM");
    const killer = setTimeout(() => process.kill(-child.pid, "SIGKILL"), 3_000);
    await child.exited;
    clearTimeout(killer);
  };
  try {
    const at = port ?? (await announcedPort(child.stdout));
    const url = `http://127.0.0.1:${at}/`;
    while (!(await answers(url))) {
      if (child.exitCode !== null)
        throw new Error(`${name} ended with ${child.exitCode}: ${command.join(" ")}`);
      await Bun.sleep(50);
    }
    return { name, url, host: `127.0.0.1:${at}`, pids: [child.pid], [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function announcedPort(stdout: ReadableStream<Uint8Array> | number | undefined): Promise<number> {
  if (stdout instanceof ReadableStream) {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of stdout) {
      text += decoder.decode(chunk, { stream: true });
      const match = /listening on (\d+)\n/.exec(text);
      if (match) return Number(match[1]);
    }
  }
  throw new Error("it ended before it said where it listens");
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}
