import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isOpenWorkersError } from "@openworkers/core";
import { openCellHost } from "../process/cell-host.ts";
import { findSandbox } from "./find-sandbox.ts";

export type SandboxCheck = { readonly ok: true } | { readonly problem: string; readonly hint: string };

/**
 * Whether cells start here in bubblewrap, found out by starting one. What stands in the way is said with the
 * command that removes it. Rejects only for what is not the machine's doing.
 */
export async function checkSandbox(uidBase?: number): Promise<SandboxCheck> {
  if (process.platform !== "linux") {
    return {
      problem: `The sandbox needs Linux; this is ${process.platform}.`,
      hint: "Use --sandbox=none to develop.",
    };
  }
  const directory = mkdtempSync(join(tmpdir(), "ow-check-"));
  try {
    await using host = await openCellHost({
      sandbox: findSandbox("bubblewrap", uidBase),
      runtimeDir: directory,
    });
    void host;
    return { ok: true };
  } catch (error) {
    if (!isOpenWorkersError(error)) throw error;
    const hint = error.code === "SANDBOX_UNAVAILABLE" ? machineHint() : undefined;
    return { problem: error.message, hint: hint ?? error.hint ?? "Run `ow doctor` on the machine itself." };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Settings that keep an unprivileged bubblewrap from making a user namespace, and what turns them off. */
const settings = [
  {
    path: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    blocks: (value: string) => value === "1",
    hint: "AppArmor restricts user namespaces (Ubuntu 23.10 and newer). Give bwrap a profile with `userns,`, or: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
  },
  {
    path: "/proc/sys/kernel/unprivileged_userns_clone",
    blocks: (value: string) => value === "0",
    hint: "User namespaces are off. Turn them on: sudo sysctl -w kernel.unprivileged_userns_clone=1",
  },
  {
    path: "/proc/sys/user/max_user_namespaces",
    blocks: (value: string) => value === "0",
    hint: "User namespaces are off. Turn them on: sudo sysctl -w user.max_user_namespaces=15000",
  },
];

function machineHint(): string | undefined {
  if (Bun.which("bwrap") === null) return undefined;
  if (process.getuid?.() === 0) {
    return "A root runner needs CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_CHOWN and CAP_KILL, which containers often lack, and user ids from OW_CELL_UID_BASE on that are mapped here.";
  }
  return settings.find(({ path, blocks }) => existsSync(path) && blocks(readFileSync(path, "utf8").trim()))
    ?.hint;
}
