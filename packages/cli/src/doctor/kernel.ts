import { access, constants, readFile } from "node:fs/promises";
import { release } from "node:os";
import type { Finding } from "./finding.ts";

/** What the sandbox is made of, as the kernel tells it. A cell that really starts says more; this says why it does not. */
export async function kernelFindings(): Promise<Finding[]> {
  if (process.platform !== "linux") {
    const hint = "Run the platform on Linux for tenants you do not trust; here only --sandbox=none works.";
    return [{ state: "warn", what: "kernel", says: `${process.platform} has no sandbox for cells`, hint }];
  }
  return [
    { state: "ok", what: "kernel", says: `Linux ${release()}` },
    await program("bubblewrap", "bwrap", "fail"),
    await program("setpriv", "setpriv", process.getuid?.() === 0 ? "fail" : "warn"),
    await userNamespaces(),
    await seccomp(),
    await cgroups(),
  ];
}

async function program(what: string, name: string, state: "warn" | "fail"): Promise<Finding> {
  const path = Bun.which(name);
  if (path === null)
    return { state, what, says: `${name} is not installed`, hint: "Run ./setup, which installs it." };
  return { state: "ok", what, says: path };
}

async function userNamespaces(): Promise<Finding> {
  const what = "user namespaces";
  const most = await read("/proc/sys/user/max_user_namespaces");
  if (most === "0") {
    return { state: "fail", what, says: "switched off", hint: "sysctl user.max_user_namespaces=15000" };
  }
  // Debian's and Ubuntu's own switches. Root needs neither.
  const root = process.getuid?.() === 0;
  if (!root && (await read("/proc/sys/kernel/unprivileged_userns_clone")) === "0") {
    return { state: "fail", what, says: "for root alone", hint: "sysctl kernel.unprivileged_userns_clone=1" };
  }
  if (!root && (await read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")) === "1") {
    const hint =
      "Give bwrap an AppArmor profile with `userns,`, or sysctl kernel.apparmor_restrict_unprivileged_userns=0";
    return { state: "warn", what, says: "restricted by AppArmor", hint };
  }
  return { state: "ok", what, says: `available (at most ${most ?? "unlimited"})` };
}

async function seccomp(): Promise<Finding> {
  const actions = await read("/proc/sys/kernel/seccomp/actions_avail");
  if (actions?.includes("errno")) return { state: "ok", what: "seccomp", says: "filters are available" };
  const hint = "The kernel needs CONFIG_SECCOMP_FILTER.";
  return { state: "fail", what: "seccomp", says: "the kernel has no seccomp filters", hint };
}

async function cgroups(): Promise<Finding> {
  const what = "cgroup v2";
  const own = (await read("/proc/self/cgroup"))?.match(/^0::(.*)$/m)?.[1];
  const folder = `/sys/fs/cgroup${own === "/" ? "" : (own ?? "")}`;
  const controllers = await read(`${folder}/cgroup.controllers`);
  const writable = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (writable && controllers?.includes("memory")) {
    return { state: "ok", what, says: `the memory controller is delegated in ${folder}` };
  }
  const hint =
    "Memory limits are enforced by V8 and RLIMIT_DATA; with systemd, Delegate=yes adds a third layer.";
  return { state: "warn", what, says: "not delegated to this process", hint };
}

async function read(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch {
    return undefined;
  }
}
