import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { writeProbe } from "../../testing/probe.ts";
import { findSandbox } from "../find-sandbox.ts";
import { architectures, currentArchitecture, seccompFilter } from "./filter.ts";
import { allowed, checked, hostile, type Numbers } from "./syscalls.ts";

const { EPERM, ENOSYS, EAFNOSUPPORT, EFAULT, ENOTTY } = constants.errno;
const killed = 128 + constants.signals.SIGSYS;
const { column } = architectures[currentArchitecture()];

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ow-probe-"));
  mkdirSync(join(directory, "alive"));
  mkdirSync(join(directory, "sockets"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Makes one system call in a cell's sandbox, in workerd's place: the exit code that it led to. */
async function probe(number: number, args: readonly number[] = []): Promise<number> {
  const path = join(directory, "probe");
  writeProbe(path, number, args);
  using command = findSandbox("bubblewrap").command({
    workerd: path,
    socketsDirectory: join(directory, "sockets"),
    aliveDirectory: join(directory, "alive"),
  });
  const child = Bun.spawn([...command.argv], {
    // bubblewrap writes to its information file, 3, and hangs when it cannot.
    stdio: ["ignore", "ignore", "inherit", "pipe", "ignore", "ignore", "ignore", ...command.fds],
  });
  const infoFd = child.stdio[3];
  const code = await child.exited;
  if (typeof infoFd === "number") closeSync(infoFd);
  return code;
}

const number = (numbers: Numbers): number => numbers[column] ?? -1;
const getsid: Numbers = [124, 156];
const bind: Numbers = [49, 200];
const listen: Numbers = [50, 201];
const mkdirat: Numbers = [258, 34];
const kill: Numbers = [62, 129];
const SIGCHLD = 17;
const CLONE_NEWUSER = 0x1000_0000;

describe("in a cell", () => {
  test.each(Object.entries(hostile))("%s kills the caller", async (_, numbers) => {
    expect(await probe(number(numbers))).toBe(killed);
  });

  const answers: [string, number, number[], number][] = [
    ["a process cannot fork", number(checked.clone), [SIGCHLD], EPERM],
    ["a user namespace kills the caller", number(checked.clone), [CLONE_NEWUSER | SIGCHLD], killed],
    ["clone3 seems not to exist, so that glibc takes clone", number(checked.clone3), [], ENOSYS],
    ["an internet socket is refused", number(checked.socket), [2, 1], EAFNOSUPPORT],
    ["a netlink socket is refused", number(checked.socket), [16, 3], EAFNOSUPPORT],
    ["a vsock socket is refused", number(checked.socket), [40, 1], EAFNOSUPPORT],
    ["a pair of packet sockets is refused", number(checked.socketpair), [17, 3], EAFNOSUPPORT],
    ["a Unix socket is allowed", number(checked.socket), [1, 1], 253],
    ["a socket cannot be bound", number(bind), [3], EPERM],
    ["a socket cannot be made to listen", number(listen), [3], EPERM],
    ["a directory cannot be made", number(mkdirat), [0], EPERM],
    ["nothing can be signalled", number(kill), [1, 9], EPERM],
    ["TIOCSTI is refused", number(checked.ioctl), [0, 0x5412], ENOTTY],
    ["a call that the list does not know is refused", number(getsid), [], EPERM],
    ["execve passes: only workerd and what starts it can be executed", number(allowed.execve), [], EFAULT],
  ];
  test.each(answers)("%s", async (_, nr, args, expected) => {
    // Standard files are 0 to 2 and the sandbox's own from 3 up: the first free one depends on the sandbox.
    const code = await probe(nr, args);
    if (expected === 253) expect(code).toBeGreaterThan(200);
    else expect(code).toBe(expected);
  });
});

describe("the filter", () => {
  test("has no system call in two lists", () => {
    const names = [...Object.keys(allowed), ...Object.keys(hostile), ...Object.keys(checked)];
    expect(new Set(names).size).toBe(names.length);
    for (const architecture of ["x64", "arm64"] as const) {
      const numbers = [allowed, hostile, checked].flatMap((table) =>
        Object.values<Numbers>(table).flatMap((both) => both[architectures[architecture].column] ?? []),
      );
      expect(new Set(numbers).size).toBe(numbers.length);
    }
  });

  test("kills on another architecture's calls, and on x86_64 on x32's", async () => {
    const words = (architecture: "x64" | "arm64") => {
      const view = new DataView(seccompFilter(architecture).buffer);
      return Array.from({ length: 3 }, (_, index) => view.getUint32(index * 8 + 4, true));
    };
    // load arch; jeq AUDIT_ARCH; ret KILL_PROCESS
    expect(words("x64")).toEqual([4, 0xc000_003e, 0x8000_0000]);
    expect(words("arm64")).toEqual([4, 0xc000_00b7, 0x8000_0000]);
    if (process.arch === "x64") expect(await probe(0x4000_0000 + number(allowed.getpid))).toBe(killed);
  });
});
