import { constants } from "node:os";
import { OpenWorkersError } from "@openworkers/core";
import {
  and,
  assemble,
  type Instruction,
  ifAtLeast,
  ifEqual,
  ifNotEqual,
  load,
  offsets,
  ret,
} from "./bpf.ts";
import { allowed, checked, hostile, type Numbers } from "./syscalls.ts";

// linux/seccomp.h
const ALLOW = 0x7fff_0000;
const KILL_PROCESS = 0x8000_0000;
const errno = (value: number) => 0x0005_0000 | value;
const refused = errno(constants.errno.EPERM);

/** linux/audit.h: AUDIT_ARCH_*; `column` is the architecture's in the table of numbers. */
export const architectures = {
  x64: { audit: 0xc000_003e, column: 0 },
  arm64: { audit: 0xc000_00b7, column: 1 },
} as const;

export type Architecture = keyof typeof architectures;

const x32Bit = 0x4000_0000;
const AF_UNIX = 1;
// linux/sched.h: CLONE_THREAD, and every CLONE_NEW* that clone(2) takes (NEWTIME only clone3 does).
const CLONE_THREAD = 0x0001_0000;
const CLONE_NEW = 0x7e02_0000;
// asm-generic/ioctls.h: TCGETS, which isatty(3) asks, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
const harmlessIoctls = [0x5401, 0x541b, 0x5421, 0x5450, 0x5451];

/** The architecture we run on. @throws OpenWorkersError SANDBOX_UNAVAILABLE when there is no filter for it. */
export function currentArchitecture(): Architecture {
  if (process.arch === "x64" || process.arch === "arm64") return process.arch;
  throw new OpenWorkersError("SANDBOX_UNAVAILABLE", `There is no system call filter for ${process.arch}.`, {
    hint: "Cells run on x86_64 and aarch64.",
  });
}

/**
 * The filter of a cell, ready for `bwrap --seccomp`: an allowlist. What is hostile kills the process, what is
 * unknown fails with EPERM, and `clone3`, whose flags a filter cannot see, with ENOSYS, so that glibc falls
 * back to `clone`. The order matters: the kernel remembers calls that are allowed whatever their arguments,
 * and does not run the program for them again.
 */
export function seccompFilter(architecture: Architecture = currentArchitecture()): Uint8Array {
  const { audit, column } = architectures[architecture];
  const number = (numbers: Numbers) => numbers[column];
  const forEach = (table: Readonly<Record<string, Numbers>>, then: readonly Instruction[]) =>
    Object.values(table)
      .map(number)
      .filter((nr) => nr !== undefined)
      .flatMap((nr) => ifEqual(nr, then));
  const when = (name: keyof typeof checked, then: readonly Instruction[]) =>
    ifEqual(checked[name][column], then);

  const onlyUnix = [
    load(offsets.argLow(0)),
    ...ifEqual(AF_UNIX, [ret(ALLOW)]),
    ret(errno(constants.errno.EAFNOSUPPORT)),
  ];
  return assemble([
    load(offsets.arch),
    ...ifNotEqual(audit, [ret(KILL_PROCESS)]),
    load(offsets.nr),
    ...(architecture === "x64" ? ifAtLeast(x32Bit, [ret(KILL_PROCESS)]) : []),
    ...forEach(allowed, [ret(ALLOW)]),
    ...forEach(hostile, [ret(KILL_PROCESS)]),
    ...when("clone3", [ret(errno(constants.errno.ENOSYS))]),
    // Threads of this process; no new process and no namespace.
    ...when("clone", [
      load(offsets.argLow(0)),
      and(CLONE_NEW),
      ...ifNotEqual(0, [ret(KILL_PROCESS)]),
      load(offsets.argLow(0)),
      and(CLONE_THREAD),
      ...ifEqual(CLONE_THREAD, [ret(ALLOW)]),
      ret(refused),
    ]),
    ...when("socket", onlyUnix),
    ...when("socketpair", onlyUnix),
    ...when("ioctl", [
      load(offsets.argLow(1)),
      ...harmlessIoctls.flatMap((request) => ifEqual(request, [ret(ALLOW)])),
      ret(errno(constants.errno.ENOTTY)),
    ]),
    ret(refused),
  ]);
}
