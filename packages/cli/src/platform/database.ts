import { join } from "node:path";
import { messageOf } from "@openworkers/core";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@openworkers/db";
import type { Output } from "../output/output.ts";

export interface PlatformDatabase extends AsyncDisposable {
  readonly url: string;
  /** For people: what it is and where. */
  readonly description: string;
}

/** Waits between attempts to start a PostgreSQL that has died: doubled each time up to the last. */
const restartWaitMs = { first: 100, last: 10_000 };

/** The embedded PostgreSQL under `dataDir`, started again whenever it dies. */
export async function startDatabase(
  dataDir: string,
  signal: AbortSignal,
  output: Output,
): Promise<PlatformDatabase> {
  const embedded = await startEmbeddedPostgres({ dataDir: join(dataDir, "postgres"), signal });
  const stopping = new AbortController();
  const watching = embedded.onExit(({ code }) => {
    output.warn(`PostgreSQL ended (exit code ${code}); it is started again. Workers go on being served.`);
    void restart(embedded, stopping.signal, output);
  });
  return {
    url: embedded.url,
    description: "embedded PostgreSQL",
    async [Symbol.asyncDispose]() {
      stopping.abort();
      watching[Symbol.dispose]();
      await embedded[Symbol.asyncDispose]();
    },
  };
}

async function restart(embedded: EmbeddedPostgres, signal: AbortSignal, output: Output): Promise<void> {
  for (let waitMs = restartWaitMs.first; !signal.aborted; waitMs = Math.min(2 * waitMs, restartWaitMs.last)) {
    try {
      await embedded.start(signal);
      return output.note("PostgreSQL runs again.");
    } catch (thrown) {
      if (signal.aborted) return;
      output.warn(`PostgreSQL does not start: ${messageOf(thrown)} Next attempt in ${waitMs} ms.`);
      await Bun.sleep(waitMs);
    }
  }
}
