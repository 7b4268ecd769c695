import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { schemeHeader } from "../../cells/cell.ts";

/** A workerd process without a sandbox, for tests of what stands in front of it. */
export interface PlainCell extends AsyncDisposable {
  readonly socketPath: string;
  readonly pid: number;
  readonly exited: Promise<number>;
  kill(): void;
}

const workerd = createRequire(import.meta.url).resolve(
  `@cloudflare/workerd-linux-${process.arch === "arm64" ? "arm64" : "64"}/bin/workerd`,
);

/** Runs `script` (an ES module) in workerd and resolves when its socket listens. */
export async function startPlainCell(script: string): Promise<PlainCell> {
  const dir = await mkdtemp(join(tmpdir(), "ow-cell-"));
  const socketPath = join(dir, "http");
  await writeFile(join(dir, "worker.js"), script);
  await writeFile(
    join(dir, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "user", worker = (
    modules = [(name = "worker.js", esModule = embed "worker.js")],
    compatibilityDate = "2026-06-01",
    compatibilityFlags = ["enable_request_signal"],
  ))],
  sockets = [(name = "http", address = "unix:${socketPath}", http = (forwardedProtoHeader = "${schemeHeader}"), service = "user")],
);
`,
  );
  const child = Bun.spawn([workerd, "serve", "--control-fd=3", join(dir, "config.capnp")], {
    stdio: ["ignore", "ignore", process.env.OW_TEST_VERBOSE ? "inherit" : "ignore", "pipe"],
  });
  const control = child.stdio[3];
  if (typeof control !== "number") throw new Error("workerd has no control pipe.");
  const reader = Bun.file(control).stream().getReader();
  const { value } = await reader.read();
  if (value === undefined) throw new Error("workerd did not start.");
  return {
    socketPath,
    pid: child.pid,
    exited: child.exited,
    kill: () => child.kill("SIGKILL"),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      await reader.cancel();
      await rm(dir, { recursive: true });
    },
  };
}
