import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Contender, freePort, startProcess } from "./contender.ts";

const root = join(import.meta.dir, "..", "..", "..");
const workers = join(root, "bench", "workers");
const peers = join(root, "bench", "peers");

/** For both workerds: wrangler's is the older one. */
const compatibilityDate = "2026-04-01";

/** `npm ci` in bench/peers when it has not been done: the peers are not part of an ordinary install. */
export async function installPeers(): Promise<void> {
  if (await Bun.file(join(peers, "node_modules/wrangler/package.json")).exists()) return;
  console.error("installing what is compared with (bench/peers) …");
  const npm = Bun.spawn(["npm", "ci", "--loglevel=error"], {
    cwd: peers,
    stdout: "ignore",
    stderr: "inherit",
  });
  if ((await npm.exited) !== 0) throw new Error("npm ci in bench/peers failed");
}

/** The same workerd that runs in the cells, serving TCP directly with no sandbox, proxy or limit. */
export async function bareWorkerd(): Promise<Contender> {
  const directory = await mkdtemp(join(tmpdir(), "ow-bench-"));
  const port = await freePort();
  const config = join(directory, "config.capnp");
  await Bun.write(join(directory, "hello.js"), Bun.file(join(workers, "hello.js")));
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "hello", worker = (
    modules = [(name = "hello.js", esModule = embed "hello.js")], compatibilityDate = "${compatibilityDate}"))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "hello")]
);
`,
  );
  const binary = join(root, "node_modules/workerd/bin/workerd");
  const contender = await startProcess("workerd, bare", { command: [binary, "serve", config], port });
  return withDirectory(contender, directory);
}

export async function wranglerDev(): Promise<Contender> {
  const directory = await mkdtemp(join(tmpdir(), "ow-bench-"));
  const port = await freePort();
  await Bun.write(join(directory, "hello.js"), Bun.file(join(workers, "hello.js")));
  await writeFile(
    join(directory, "wrangler.json"),
    JSON.stringify({ name: "hello", main: "hello.js", compatibility_date: compatibilityDate }),
  );
  const contender = await startProcess("wrangler dev", {
    command: [
      "node",
      join(peers, "node_modules/wrangler/bin/wrangler.js"),
      "dev",
      "--ip",
      "127.0.0.1",
      "--port",
      String(port),
      "--inspector-port",
      String(await freePort()),
      "--log-level",
      "error",
    ],
    cwd: directory,
    port,
    env: {
      // It stays at home, says nothing to anybody, and asks nobody for a newer version.
      HOME: directory,
      XDG_CONFIG_HOME: directory,
      CI: "true",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_HIDE_BANNER: "true",
      WRANGLER_SEND_ERROR_REPORTS: "false",
      WRANGLER_SEND_METRICS: "false",
    },
  });
  return withDirectory(contender, directory);
}

export function bunServe(): Promise<Contender> {
  return startProcess("Bun.serve", { command: [process.execPath, join(workers, "serve-bun.ts")] });
}

export function nodeHttp(): Promise<Contender> {
  return startProcess("Node http", { command: ["node", join(workers, "serve-node.mjs")] });
}

function withDirectory(contender: Contender, directory: string): Contender {
  return {
    ...contender,
    async [Symbol.asyncDispose]() {
      await contender[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
