import { CommanderError } from "commander";
import { exitCodes } from "./output/exit-codes.ts";
import { createProgram } from "./program.ts";

/** Runs one command; resolves with the exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    await (await createProgram(args)).parseAsync(args, { from: "user" });
    return exitCodes.ok;
  } catch (thrown) {
    // The help, or the version.
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return exitCodes.ok;
    const { reportFailure } = await import("./output/failure.ts");
    return reportFailure(thrown, { json: args.includes("--json") });
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
