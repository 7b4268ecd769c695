import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CommandResult, Platform } from "./platform.ts";

const root = join(import.meta.dir, "..");
const peers = join(root, "bench", "peers");
const program = join(peers, "node_modules/wrangler/bin/wrangler.js");

/** Names under `localhost` lead to this machine (RFC 6761 §6.3), which not every resolver knows. */
const resolver = `
import dns from "node:dns";
const { lookup } = dns;
dns.lookup = (host, options, done) => lookup(/(^|\\.)localhost$/.test(host) ? "127.0.0.1" : host, options, done);
`;

/** The real wrangler, as its user runs it against a platform's API. */
export class Wrangler {
  readonly #folder: string;
  readonly #env: Record<string, string>;

  private constructor(folder: string, env: Record<string, string>) {
    this.#folder = folder;
    this.#env = env;
  }

  /** @param folder of the project: where it runs */
  static async in(
    folder: string,
    platform: Platform,
    { token, account }: { readonly token: string; readonly account: string },
  ): Promise<Wrangler> {
    await install();
    const preload = join(platform.directory, "localhost.mjs");
    await writeFile(preload, resolver);
    return new Wrangler(folder, {
      PATH: process.env.PATH ?? "",
      HOME: platform.directory,
      CI: "1",
      NO_COLOR: "1",
      NODE_OPTIONS: `--import ${preload}`,
      WRANGLER_SEND_METRICS: "false",
      CLOUDFLARE_API_BASE_URL: `http://api.localhost:${platform.port}/client/v4`,
      CLOUDFLARE_API_TOKEN: token,
      CLOUDFLARE_ACCOUNT_ID: account,
    });
  }

  start(...args: string[]): Bun.Subprocess<"pipe", "pipe", "pipe"> {
    return Bun.spawn(["node", program, ...args], {
      cwd: this.#folder,
      env: this.#env,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  async run(args: readonly string[], input = ""): Promise<CommandResult> {
    const child = this.start(...args);
    child.stdin.write(input);
    child.stdin.end();
    const [code, stdout, stderr] = await Promise.all([
      child.exited,
      child.stdout.text(),
      child.stderr.text(),
    ]);
    return { code, stdout, stderr };
  }

  /** What it prints. @throws Error with all that it said, when it fails */
  async ok(args: readonly string[], input = ""): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, input);
    if (code !== 0) throw new Error(`wrangler ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }
}

/** It is what bench/ compares with, and no part of an ordinary install. */
async function install(): Promise<void> {
  if (await Bun.file(program).exists()) return;
  const npm = Bun.spawn(["npm", "ci"], { cwd: peers, stdout: "ignore", stderr: "inherit" });
  if ((await npm.exited) !== 0) throw new Error("npm ci in bench/peers failed");
}
