import { OpenWorkersError } from "@openworkers/core";
import { bubblewrap } from "./bubblewrap.ts";
import { noSandbox } from "./none.ts";
import type { Sandbox } from "./sandbox.ts";

/**
 * The sandbox of the wanted kind with what is installed here. It may still not start: `checkSandbox` tells.
 *
 * @throws OpenWorkersError SANDBOX_UNAVAILABLE when a program it needs is missing.
 */
export function findSandbox(kind: Sandbox["kind"], uidBase?: number): Sandbox {
  if (kind === "none") return noSandbox();
  const bwrap = which("bwrap", "bubblewrap");
  const root = process.getuid?.() === 0;
  return bubblewrap({
    bwrap,
    setpriv: root ? which("setpriv", "util-linux") : undefined,
    ...(uidBase === undefined ? {} : { uidBase }),
  });
}

function which(command: string, packageName: string): string {
  const path = Bun.which(command);
  if (path !== null) return path;
  throw new OpenWorkersError("SANDBOX_UNAVAILABLE", `The sandbox needs ${command}, which is not installed.`, {
    hint: `Install the package ${packageName}: ./setup does it.`,
  });
}
