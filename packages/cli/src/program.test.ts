import { afterAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Command, CommanderError } from "commander";
import { UsageError } from "./output/failure.ts";
import { createProgram } from "./program.ts";
import { OwHome } from "./testing/ow.ts";

const home = new OwHome();
afterAll(() => home[Symbol.asyncDispose]());

function commandsOf(command: Pick<Command, "commands">): readonly Command[] {
  return command.commands.flatMap((child) => [child, ...commandsOf(child)]);
}

test("every command has a summary, examples, exit codes and --json in its help", async () => {
  const commands = commandsOf(await createProgram([]));
  expect(commands.length).toBeGreaterThan(25);
  for (const command of commands) {
    const written: string[] = [];
    command.configureOutput({ writeOut: (text) => written.push(text) });
    command.outputHelp();
    const help = written.join("");
    expect(`${command.name()}: ${help}`).toMatch(
      /^.+: Usage: [^\n]*\n\n\w[\s\S]*Examples:\n {2}\$ [\s\S]*Exit codes:/,
    );
    if (command.commands.length === 0) expect(`${command.name()}: ${help}`).toContain("--json");
  }
});

const usage: { args: string[]; says: string }[] = [
  { args: ["deply"], says: "unknown command 'deply'" },
  { args: ["deploy", "--percent", "200"], says: "whole number from 1 to 100" },
  { args: ["up", "--port", "many"], says: "whole number from 0 to 65535" },
  { args: ["up", "--sandbox", "perhaps"], says: "Allowed choices are bubblewrap, none" },
  { args: ["env", "set", "hello", "NOVALUE"], says: '"NOVALUE" is not NAME=value' },
  { args: ["deployments", "hello", "--percent", "10"], says: "--percent needs --version" },
  { args: ["delete", "hello"], says: "give --yes where nobody can answer" },
  { args: ["tail", "--status", "600"], says: "--status" },
  { args: ["versions"], says: "missing required argument 'worker'" },
];

describe("wrong usage", () => {
  for (const { args, says } of usage) {
    test(`is said: ow ${args.join(" ")}`, async () => {
      const program = await createProgram(args);
      const thrown: unknown = await program
        .parseAsync(args, { from: "user" })
        .catch((reason: unknown) => reason);
      expect(thrown instanceof CommanderError || thrown instanceof UsageError).toBe(true);
      expect(String(thrown)).toContain(says);
    });
  }

  test("ends with code 2 and a message on stderr alone", async () => {
    expect(await home.ow(["deply"])).toEqual({
      code: 2,
      stdout: "",
      stderr:
        "error: unknown command 'deply'\n(Did you mean deploy?)\nnext: See `ow --help`, or --help after the command.\n",
    });
  });

  test.each([[[]], [["env"]]])("without a command is the help and nothing after it: ow %p", async (args) => {
    const { code, stdout, stderr } = await home.ow(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^Usage: ow /);
    expect(stderr).not.toMatch(/^error:/m);
  });

  test("is one JSON document on stdout with --json", async () => {
    const { code, stdout, stderr } = await home.ow(["versions", "--json"]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: "INVALID_INPUT",
        message: "missing required argument 'worker'",
        hint: "See `ow --help`, or --help after the command.",
      },
    });
  });
});

test("without a platform a command fails with what to do", async () => {
  const human = await home.ow(["workers"]);
  expect(human).toEqual({
    code: 1,
    stdout: "",
    stderr:
      "error: No platform is running on this machine.\n" +
      "next: Start one with `ow up` (or `npm start`), or set DATABASE_URL to the database of another.\n",
  });
  const json = await home.ow(["workers", "--json"]);
  expect({ code: json.code, error: JSON.parse(json.stdout).error.code }).toEqual({
    code: 1,
    error: "NOT_FOUND",
  });
});

test("a database that does not answer is an error without its password", async () => {
  const env = { DATABASE_URL: "postgres://ow:p4ssw0rd@127.0.0.1:1/ow" };
  const { code, stdout, stderr } = await home.ow(["workers", "--json"], { env });
  expect([code, JSON.parse(stdout).error.code]).toEqual([1, "DATABASE_UNAVAILABLE"]);
  expect(stdout + stderr).not.toContain("p4ssw0rd");
});

test("ow init makes a worker once", async () => {
  const made = await home.json<{ worker: string; files: string[] }>("init", "my-worker");
  expect(made.worker).toBe("my-worker");
  for (const file of made.files) expect(existsSync(join(home.folder.path, "my-worker", file))).toBe(true);
  expect((await home.ow(["init", "my-worker"])).code).toBe(1);
});

test("ow init names the next command as its user can call it", async () => {
  const env = { npm_lifecycle_event: "npx" };
  expect((await home.ow(["init", "by-npx"], { env })).stdout).toContain("npm install && npx ow deploy\n");
  expect((await home.ow(["init", "by-path"], { env: { npm_lifecycle_event: "" } })).stdout).toContain(
    "npm install && ow deploy\n",
  );
});

test("an option after a command is that command's, whatever the program or its group calls so", async () => {
  const missing = await home.ow(["deployments", "hello", "--version", "2", "--json"]);
  expect([missing.code, JSON.parse(missing.stdout).error.code]).toEqual([1, "NOT_FOUND"]);
  for (const args of [["domains"], ["domains", "list"], ["secret", "list", "hello"]]) {
    const { code, stdout } = await home.ow([...args, "--json"]);
    expect([args, code, JSON.parse(stdout).error.code]).toEqual([args, 1, "NOT_FOUND"]);
  }
});

test("--version and --help succeed on stdout", async () => {
  expect(await home.ow(["--version"])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ow \d/) });
  expect(await home.ow(["deploy", "--help"])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("Examples:"),
  });
});

test("the command that is named is loaded alone, and all of them for the help", async () => {
  const names = async (...args: string[]) =>
    (await createProgram(args)).commands.map((command) => command.name());
  const all = await names("--help");
  expect(all.length).toBeGreaterThan(20);
  for (const name of all) expect(await names(name, "--help")).toEqual([name]);
  expect(await names("deply")).toEqual(all);
  expect(await names("constructor")).toEqual(all);
  expect(await names("--version")).toEqual([]);
});
