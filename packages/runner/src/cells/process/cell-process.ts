import { chmodSync, chownSync, closeSync, mkdirSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import type { Broker } from "../../bindings/broker.ts";
import type { DatabaseGateway } from "../../bindings/database/gateway.ts";
import type { PlatformGateway } from "../../bindings/platform/gateway.ts";
import type { ServiceListener } from "../../bindings/service-listener.ts";
import type { Egress } from "../../egress/egress.ts";
import type { CellExit } from "../cell.ts";
import {
  brokerSockets,
  databaseSocket,
  doorNames,
  serviceSocket,
  socketNames,
} from "../config/encode-config.ts";
import type { Grant } from "../grant.ts";
import { listenUnix } from "../os/listening-socket.ts";
import type { User } from "../os/rlimits.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { TailBuffer } from "./tail-buffer.ts";

export interface CellProcessOptions {
  readonly sandbox: Sandbox;
  /** Made for this cell alone; removed on disposal. */
  readonly directory: string;
  readonly aliveDirectory: string;
  readonly workerd: string;
  readonly egress: Egress;
  readonly broker: Broker;
  readonly services: ServiceListener;
  /** Who takes the sessions of drivers; nobody without. */
  readonly databases: DatabaseGateway | undefined;
  /** Who takes those of the platform's own workers. */
  readonly platform: Pick<PlatformGateway, "listen"> | undefined;
}

/** A started workerd that waits for its configuration, and everything that was opened for it. */
export interface CellProcess extends AsyncDisposable {
  readonly pid: number;
  readonly user: User | undefined;
  readonly httpSocket: string;
  readonly controlSocket: string;
  readonly eventsSocket: string;
  /** Sockets for entrypoints other than the default one. */
  readonly doors: readonly string[];
  /** Paths as the cell sees them; `egress` and `brokerSockets` are in the first. */
  readonly socketsDirectory: string;
  readonly aliveDirectory: string;
  readonly stdout: ReadableStream<Uint8Array>;
  /** workerd's announcements, one JSON object per line. */
  readonly control: ReadableStream<Uint8Array>;
  readonly exited: Promise<CellExit>;
  /**
   * Says who asks on the cell's sockets from now on; until then nobody is answered. Once only, and before `configure`.
   */
  grant(grant: Grant): Promise<void>;
  /** Hands over the configuration; nothing can be handed over after it. */
  configure(config: Uint8Array): Promise<void>;
  kill(): void;
}

const fd = { control: 4, httpSocket: 5, controlSocket: 6, others: 7 };
const stderrBytes = 4_096;
/**
 * V8's words, and tcmalloc's when the kernel refuses it more under RLIMIT_DATA. "Last few GCs" is what V8
 * prints first; under RLIMIT_DATA the abort that follows may cut off the rest.
 */
export const outOfMemoryWords = /out of memory|Cannot allocate memory|Unable to allocate|Last few GCs/i;

/**
 * Starts a cell's process.
 *
 * @throws OpenWorkersError SANDBOX_UNAVAILABLE when the sandbox does not come up.
 */
export async function startCellProcess(options: CellProcessOptions): Promise<CellProcess> {
  const stack = new AsyncDisposableStack();
  try {
    stack.defer(() => rmSync(options.directory, { recursive: true, force: true }));
    const socketsDirectory = join(options.directory, "sockets");
    // The cell's user passes through it to the sockets that are its own, and cannot list it.
    mkdirSync(socketsDirectory, { mode: 0o711 });
    chmodSync(socketsDirectory, 0o711);
    let granted: Grant | undefined;
    const paths = [
      join(socketsDirectory, "egress"),
      join(socketsDirectory, brokerSockets.broker),
      join(socketsDirectory, brokerSockets.exact),
    ] as const;
    stack.use(options.egress.listen(paths[0], () => granted));
    stack.use(options.broker.listen(paths[1], () => granted));
    stack.use(await options.broker.listenExactly(paths[2], () => granted));
    const command = stack.use(
      options.sandbox.command({
        socketsDirectory,
        aliveDirectory: options.aliveDirectory,
        workerd: options.workerd,
      }),
    );
    const give = (path: string) => {
      chmodSync(path, 0o600);
      if (command.user) chownSync(path, command.user.uid, command.user.gid);
    };
    for (const path of paths) give(path);

    using sockets = new DisposableStack();
    const http = sockets.adopt(listenUnix(join(options.directory, "http")), (socket) => socket.close());
    const control = sockets.adopt(listenUnix(join(options.directory, "control")), (socket) => socket.close());
    // Beside the directory that the cell sees: it cannot send itself what only the runner may.
    const events = sockets.adopt(listenUnix(join(options.directory, "events")), (socket) => socket.close());
    const doors = doorNames.map((name) =>
      sockets.adopt(listenUnix(join(options.directory, name)), (socket) => socket.close()),
    );
    const eventsFd = fd.others + command.fds.length;
    const child = Bun.spawn(
      [
        ...command.argv,
        ...["serve", "--binary", `--control-fd=${fd.control}`],
        ...[
          `--socket-fd=${socketNames.http}=${fd.httpSocket}`,
          `--socket-fd=${socketNames.control}=${fd.controlSocket}`,
          `--socket-fd=${socketNames.events}=${eventsFd}`,
          ...doorNames.map((name, index) => `--socket-fd=${name}=${eventsFd + 1 + index}`),
        ],
        "-",
      ],
      {
        env: {},
        // A session of its own: Ctrl-C in our terminal reaches us alone, and the cells finish what they are doing.
        detached: true,
        stdio: [
          ...(["pipe", "pipe", "pipe", "pipe", "pipe"] as const),
          ...[http.fd, control.fd, ...command.fds, events.fd, ...doors.map((door) => door.fd)],
        ],
      },
    );
    const stderr = new TailBuffer(stderrBytes);
    let outOfMemory = false;
    const drained = drain(child.stderr, (chunk) => {
      stderr.push(chunk);
      outOfMemory ||= outOfMemoryWords.test(new TextDecoder().decode(chunk));
    });
    const controlFd = openFd(child.stdio[fd.control]);
    stack.defer(() => closeSync(controlFd));
    const exited = child.exited.then(async () => {
      await drained;
      const ending = endingOf(child.exitCode, child.signalCode);
      return { ...ending, outOfMemory, stderr: stderr.toString() };
    });

    let pid = child.pid;
    // What to kill: with a namespace's first process everything in it dies, and bubblewrap follows.
    let root = child.pid;
    const kill = () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      signal(root);
    };
    stack.defer(async () => {
      kill();
      child.kill("SIGKILL");
      await exited;
    });

    const infoFd = openFd(child.stdio[3]);
    try {
      if (command.infoFd !== undefined) {
        root = await childPid(infoFd, exited);
        pid = await workerdPid(root, exited);
      }
    } finally {
      closeSync(infoFd);
    }

    const owned = stack.move();
    return {
      pid,
      user: command.user,
      httpSocket: http.path,
      controlSocket: control.path,
      eventsSocket: events.path,
      doors: doors.map((door) => door.path),
      socketsDirectory: command.socketsDirectory,
      aliveDirectory: command.aliveDirectory,
      stdout: child.stdout,
      control: Bun.file(controlFd).stream(),
      exited,
      async grant(grant) {
        granted = grant;
        const workers = [...grant.bindings.values()].filter((binding) => binding.kind === "worker");
        for (const [index, binding] of workers.entries()) {
          const path = join(socketsDirectory, serviceSocket(index));
          owned.use(options.services.listen(path, grant, binding));
          give(path);
        }
        const databases = [...grant.bindings.values()].filter(
          (binding) => binding.kind === "hyperdrive" || binding.kind === "platform-sql",
        );
        for (const [index, binding] of databases.entries()) {
          const path = join(socketsDirectory, databaseSocket(index));
          const listening =
            binding.kind === "platform-sql"
              ? options.platform?.listen(binding.face, path)
              : options.databases?.listen(binding.databaseId, path, { worker: grant.target.worker });
          if (listening === undefined) continue;
          owned.use(await listening);
          give(path);
        }
      },
      async configure(config) {
        child.stdin.write(config);
        await child.stdin.end();
      },
      kill,
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function openFd(value: unknown): number {
  if (typeof value === "number") return value;
  throw new OpenWorkersError("INTERNAL", "Bun.spawn did not open a pipe that it was asked for.");
}

async function drain(stream: ReadableStream<Uint8Array>, take: (chunk: Uint8Array) => void): Promise<void> {
  for await (const chunk of stream) take(chunk);
}

async function childPid(infoFd: number, exited: Promise<CellExit>): Promise<number> {
  let text = "";
  for await (const chunk of Bun.file(infoFd).stream()) {
    text += new TextDecoder().decode(chunk);
    const pid = /"child-pid":\s*(\d+)/.exec(text)?.[1];
    if (pid !== undefined) return Number(pid);
  }
  throw sandboxFailure(await exited);
}

/**
 * The child of the namespace's first process, once it has become workerd: before that it has neither
 * workerd's memory nor, under a root runner, the cell's user. The kernel has no event for an exec of a
 * grandchild; from bwrap's start it takes about 15 ms.
 */
async function workerdPid(root: number, exited: Promise<CellExit>): Promise<number> {
  const children = Bun.file(`/proc/${root}/task/${root}/children`);
  const ended = exited.then((exit) => {
    throw sandboxFailure(exit);
  });
  // The cell's later end must not count as an unhandled rejection.
  ended.catch(() => {});
  for (;;) {
    // Both files vanish when the cell ends, which is `ended`'s to report.
    const pid = Number((await Promise.race([children.text().catch(() => ""), ended])).trim());
    if (pid > 0) {
      const comm = await Promise.race([
        Bun.file(`/proc/${pid}/comm`)
          .text()
          .catch(() => ""),
        ended,
      ]);
      if (comm.trim() === "workerd") return pid;
    }
    await Promise.race([Bun.sleep(1), ended]);
  }
}

function sandboxFailure(exit: CellExit): OpenWorkersError {
  const reason = exit.stderr.trim() || `exit code ${exit.code ?? exit.signal}`;
  return new OpenWorkersError("SANDBOX_UNAVAILABLE", `The sandbox did not start: ${reason}.`, {
    hint: "Run `ow doctor` to see what this machine lacks.",
  });
}

function signal(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

const signalNames = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number as number, name]),
);

/** bubblewrap reports that its child was killed by signal n as exit code 128 + n. */
function endingOf(
  code: number | null,
  signalCode: string | number | null,
): Pick<CellExit, "code" | "signal"> {
  const name = typeof signalCode === "string" ? signalCode : signalNames.get(signalCode ?? (code ?? 0) - 128);
  return name === undefined ? { code, signal: null } : { code: null, signal: name };
}
