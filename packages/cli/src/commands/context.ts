import { Command, InvalidArgumentError, Option } from "commander";
import { exitCodes } from "../output/exit-codes.ts";
import { Output } from "../output/output.ts";
import { type OpenPlatform, openPlatform, type PlatformChoice } from "./platform.ts";

/** What a command's action works with. */
export interface CommandContext {
  readonly output: Output;
  /** Aborts with Ctrl-C, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
}

/** What a command that works on a platform has beside that: see `OpenPlatform`. */
export type PlatformContext = CommandContext & Omit<OpenPlatform, keyof AsyncDisposable>;

interface CommonOptions {
  readonly json?: boolean;
}

export interface PlatformOptions extends CommonOptions {
  readonly profile?: string;
  readonly port?: number;
}

const exitCodeHelp = "\nExit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.";

/**
 * A command that only has subcommands. It has no options of its own: commander would take a subcommand's for them.
 */
export function group(name: string, summary: string, examples: readonly string[]): Command {
  const list = examples.map((example) => `  $ ${example}`).join("\n");
  return new Command(name).description(summary).addHelpText("after", `\nExamples:\n${list}\n${exitCodeHelp}`);
}

/** A command with what all share: `--json`, examples and exit codes in its help. */
export function command(name: string, summary: string, examples: readonly string[]): Command {
  return group(name, summary, examples).option(
    "--json",
    "print one JSON document (or one per line, for streams) on stdout",
  );
}

/** A subcommand that works on a platform: adds the options that choose it. */
export function platformCommand(name: string, summary: string, examples: readonly string[]): Command {
  return command(name, summary, examples)
    .addOption(
      new Option(
        "--profile <name>",
        "the login or running platform to use (default: what `ow profile use` chose, else the one started last)",
      ),
    )
    .addOption(new Option("--port <port>", "the running platform to use, by its port").argParser(parsePort));
}

export function choiceOf(options: PlatformOptions): PlatformChoice {
  return {
    ...(options.profile === undefined ? {} : { name: options.profile }),
    ...(options.port === undefined ? {} : { port: options.port }),
  };
}

/**
 * `npm start` passes a Ctrl-C on to us, which the terminal has sent us already: within this time two signals are one.
 */
const sameSignalMs = 1_000;

/**
 * Runs `work` with the process's signals as an AbortSignal. The first aborts, so that all that is held is released on
 * the way out; a later one ends the process at once.
 */
export async function withContext<T>(
  options: CommonOptions,
  work: (context: CommandContext) => Promise<T>,
): Promise<T> {
  const interruption = new AbortController();
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  let first = Number.POSITIVE_INFINITY;
  const interrupt = () => {
    if (performance.now() - first > sameSignalMs) process.exit(exitCodes.interrupted);
    first = Math.min(first, performance.now());
    interruption.abort();
  };
  for (const signal of signals) process.on(signal, interrupt);
  try {
    return await work({ output: new Output({ json: options.json === true }), signal: interruption.signal });
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}

/** Runs `work` against the chosen platform. */
export async function withPlatform<T>(
  options: PlatformOptions,
  work: (context: PlatformContext) => Promise<T>,
): Promise<T> {
  return await withContext(options, async (context) => {
    await using platform = await openPlatform(choiceOf(options));
    return await work({ ...platform, ...context });
  });
}

/** An option's or argument's value as an integer between `min` and `max`. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

export const parsePort = integer(0, 65_535);
export const parseVersion = integer(1, 2 ** 31 - 1);
export const parsePercent = integer(1, 100);
