import { stop } from "esbuild";
import { exitCodes, reportFailure } from "./output/failure.ts";
import { createProgram } from "./program.ts";

/** Runs one command; resolves with the exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: "user" });
    return exitCodes.ok;
  } catch (thrown) {
    return reportFailure(thrown, { json: args.includes("--json") });
  } finally {
    await stop();
  }
}

// A reader such as `head` may leave before we are done: that is not an error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exitCodes.ok);
});

/** What a library may leave running behind a command that is done; it must not keep a terminal waiting. */
const lingerMs = 2_000;

const code = await main(process.argv.slice(2));
if (code !== exitCodes.ok) process.exitCode = code;
setTimeout(() => process.exit(), lingerMs).unref();
