import { isOpenWorkersError, messageOf, OpenWorkersError } from "@openworkers/core";
import { CommanderError } from "commander";
import colors from "picocolors";
import { exitCodes } from "./exit-codes.ts";
import { printable } from "./printable.ts";

/** A mistake in how the command was called: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Says what went wrong, for people or as `{"error":{…}}`, and returns the exit code for it. */
export function reportFailure(thrown: unknown, options: { readonly json: boolean }): number {
  // `ow` or `ow env` alone: commander has printed the help, and has no message.
  if (thrown instanceof CommanderError && thrown.code === "commander.help") return exitCodes.usage;
  if (isAbort(thrown)) return exitCodes.interrupted;
  const usage = thrown instanceof CommanderError || thrown instanceof UsageError;
  const error = usage ? usageError(thrown) : platformError(thrown);
  if (options.json) process.stdout.write(`${JSON.stringify({ error })}\n`);
  else {
    // A worker that does not start is quoted here, in its own words.
    process.stderr.write(`${colors.red("error:")} ${printable(error.message)}\n`);
    if (error.hint !== undefined) process.stderr.write(`${colors.cyan("next:")} ${printable(error.hint)}\n`);
    if (process.env.OW_DEBUG && thrown instanceof Error) process.stderr.write(`${thrown.stack}\n`);
  }
  return usage ? exitCodes.usage : exitCodes.failure;
}

// What `signal.throwIfAborted` throws: whoever pressed Ctrl-C knows what has happened.
function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === "AbortError";
}

interface Failure {
  readonly message: string;
  readonly hint?: string | undefined;
}

function usageError(thrown: Error): OpenWorkersError {
  return new OpenWorkersError("INVALID_INPUT", thrown.message.replace(/^error: /, ""), {
    hint: "See `ow --help`, or --help after the command.",
  });
}

function platformError(thrown: unknown): Failure {
  if (isOpenWorkersError(thrown)) return thrown;
  return new OpenWorkersError("INTERNAL", messageOf(thrown), {
    hint: "This is a bug in ow. Run again with OW_DEBUG=1 and report what it prints.",
    cause: thrown,
  });
}
