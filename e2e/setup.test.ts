import { afterEach, describe, expect, test } from "bun:test";
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const setup = join(import.meta.dir, "..", "setup");
const directories: string[] = [];

afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
});

interface Machine {
  readonly system: "Linux" | "Darwin";
  readonly uid: number;
  /** Commands that exist, beside Node, npm and the shell's own tools. */
  readonly commands: readonly string[];
  readonly node?: string;
  readonly npm?: string;
}

interface Result {
  readonly code: number;
  readonly output: string;
  /** What the stubs were really called with. */
  readonly calls: string;
}

/** Runs a copy of `./setup` where PATH holds nothing but stubs that note how they were called. */
async function runOn(machine: Machine, ...options: string[]): Promise<Result> {
  const home = await mkdtemp(join(tmpdir(), "ow-setup-"));
  directories.push(home);
  const bin = join(home, "bin");
  await mkdir(bin);
  for (const tool of ["sh", "dirname", "cksum", "cat", "grep", "env"]) {
    const path = Bun.which(tool);
    if (path === null) throw new Error(`this test needs ${tool}`);
    await symlink(path, join(bin, tool));
  }
  const calls = join(home, "calls");
  await writeFile(calls, "");
  const stubs: Record<string, string> = {
    uname: `[ "$1" = -s ] && echo ${machine.system} || echo ${machine.system} x86_64`,
    id: `echo ${machine.uid}`,
    node: `echo ${machine.node ?? "v20.20.2"}`,
    npm: `[ "$1" = --version ] && echo ${machine.npm ?? "11.0.0"} && exit; echo "npm $*" >>${calls}; mkdir -p node_modules`,
  };
  for (const command of machine.commands) {
    // sudo runs what it is given, as the real one does.
    stubs[command] = `echo "${command} $*" >>${calls}${command === "sudo" ? '; exec "$@"' : ""}`;
  }
  for (const [name, script] of Object.entries(stubs)) {
    await writeFile(join(bin, name), `#!${Bun.which("sh")}\n${script}\n`);
    await chmod(join(bin, name), 0o755);
  }
  await symlink(Bun.which("mkdir") ?? "/bin/mkdir", join(bin, "mkdir"));
  await copyFile(setup, join(home, "setup"));
  await writeFile(join(home, "package-lock.json"), "{}");
  const child = Bun.spawn([join(home, "setup"), ...options], {
    env: { PATH: bin },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [code, out, err] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  return { code, output: out + err, calls: await Bun.file(calls).text() };
}

const complete = ["bwrap", "setpriv", "nats-server"];

describe("setup installs by each package manager's own names", () => {
  // Debian has nginx and nats-server in /usr/sbin, where setup looks as well: they may not be missing here.
  const table = [
    {
      manager: "apt-get",
      system: "Linux",
      expected: "apt-get install -y -q --no-install-recommends bubblewrap util-linux",
    },
    { manager: "dnf", system: "Linux", expected: "dnf install -y bubblewrap util-linux" },
    { manager: "pacman", system: "Linux", expected: "pacman -S --needed --noconfirm bubblewrap util-linux" },
    { manager: "apk", system: "Linux", expected: "apk add bubblewrap setpriv" },
  ] as const;
  for (const { manager, system, expected } of table) {
    test(`${manager} as root, without sudo`, async () => {
      const result = await runOn({ system, uid: 0, commands: [manager, "sudo"] });
      expect(result.output).toContain("done.");
      expect(result.code).toBe(0);
      expect(result.calls).toContain(expected);
      expect(result.calls).not.toContain("sudo");
      expect(result.calls).toContain("npm ci");
    });
  }

  test("brew, which has no bubblewrap to offer a Mac and needs no root", async () => {
    const result = await runOn({ system: "Darwin", uid: 501, commands: ["brew", "nats-server"] }, "--dev");
    expect(result.code).toBe(0);
    expect(result.calls).toContain("brew install wrk");
    expect(result.calls).not.toContain("bubblewrap");
    expect(result.calls).not.toContain("sudo");
  });
});

test("apt lists are refreshed before the install, and only when something is missing", async () => {
  const missing = await runOn({ system: "Linux", uid: 0, commands: ["apt-get"] });
  expect(missing.calls.indexOf("apt-get update")).toBe(0);
  const nothing = await runOn({ system: "Linux", uid: 0, commands: ["apt-get", ...complete] });
  expect(nothing.output).toContain("nothing is missing");
  expect(nothing.calls).not.toContain("apt-get");
});

test("as root it makes an account for PostgreSQL, once; nobody else needs one", async () => {
  const there = /^openworkers:/m.test(await Bun.file("/etc/passwd").text());
  const commands = ["useradd", ...complete];
  const root = await runOn({ system: "Linux", uid: 0, commands });
  expect(root.calls.includes("useradd --system")).toBe(!there);
  const user = await runOn({ system: "Linux", uid: 1000, commands });
  expect(user.calls).not.toContain("useradd");
  const dry = await runOn({ system: "Linux", uid: 0, commands }, "--dry-run");
  expect(dry.output.includes("would run: useradd")).toBe(!there);
  expect(dry.calls).toBe("");
});

test("--dev adds what tests and benchmarks need", async () => {
  const result = await runOn(
    { system: "Linux", uid: 0, commands: ["apt-get", "install", "rm", ...complete] },
    "--dev",
  );
  expect(result.calls).toMatch(/apt-get install .*\bwrk\b.*\bcurl\b.*\bprocps\b/);
});

test("without root or a terminal it prints the exact command and changes nothing", async () => {
  const result = await runOn({ system: "Linux", uid: 1000, commands: ["apt-get", "sudo"] });
  expect(result.code).toBe(1);
  expect(result.output).toContain("sudo apt-get install -y --no-install-recommends bubblewrap util-linux");
  expect(result.calls).toBe("");
});

test("--yes uses sudo without asking", async () => {
  const result = await runOn({ system: "Linux", uid: 1000, commands: ["apt-get", "sudo"] }, "--yes");
  expect(result.code).toBe(0);
  expect(result.calls).toContain("sudo apt-get update");
  expect(result.calls).toContain("apt-get install -y -q --no-install-recommends bubblewrap");
});

test("--dry-run prints the commands and runs none", async () => {
  const result = await runOn({ system: "Linux", uid: 1000, commands: ["apt-get", "sudo"] }, "--dry-run");
  expect(result.code).toBe(0);
  expect(result.output).toContain("would run: sudo env DEBIAN_FRONTEND=noninteractive apt-get install");
  expect(result.output).toContain("would run: npm ci");
  expect(result.calls).toBe("");
});

test("on a system without a known package manager it names what is needed and fails", async () => {
  const result = await runOn({ system: "Linux", uid: 0, commands: [] });
  expect(result.code).toBe(1);
  expect(result.output).toContain("the sandbox needs bwrap");
});

test("an old Node.js or npm is refused with the version that is needed", async () => {
  const commands = complete;
  const node = await runOn({ system: "Linux", uid: 0, commands, node: "v16.20.0" });
  expect([node.code, node.output]).toEqual([
    1,
    expect.stringContaining("v16.20.0 is too old; install version 18"),
  ]);
  const npm = await runOn({ system: "Linux", uid: 0, commands, npm: "8.1.0" });
  expect([npm.code, npm.output]).toEqual([1, expect.stringContaining("8.1.0 is too old; install version 9")]);
});

test("an unknown option is a usage error", async () => {
  const result = await runOn({ system: "Linux", uid: 0, commands: complete }, "--nonsense");
  expect(result.code).toBe(2);
});

test("the real npm runs once, and again only when the lock file has changed", async () => {
  const home = await mkdtemp(join(tmpdir(), "ow-setup-"));
  directories.push(home);
  await copyFile(setup, join(home, "setup"));
  // One workspace, so that there is something to install without a registry.
  const part = "packages/dashboard";
  for (const folder of [part, "packages/client/src", "packages/core/src"]) {
    await mkdir(join(home, folder), { recursive: true });
  }
  await writeFile(
    join(home, part, "package.json"),
    JSON.stringify({
      name: "part",
      version: "1.0.0",
      scripts: { build: "mkdir -p dist && touch dist/index.html" },
    }),
  );
  const write = async (version: string) => {
    const clone = { name: "clone", version, workspaces: [part] };
    await writeFile(join(home, "package.json"), JSON.stringify(clone));
    const packages = {
      "": clone,
      "node_modules/part": { resolved: part, link: true },
      [part]: { version: "1.0.0" },
    };
    await writeFile(
      join(home, "package-lock.json"),
      JSON.stringify({ name: "clone", version, lockfileVersion: 3, requires: true, packages }),
    );
  };
  // As an ordinary user: a test makes no accounts.
  await writeFile(join(home, "id"), "#!/bin/sh\necho 1000\n", { mode: 0o755 });
  const run = async () => {
    const child = Bun.spawn([join(home, "setup")], {
      env: { ...process.env, PATH: `${home}:${process.env.PATH}` },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [code, out, err] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
    expect([code, err]).toEqual([0, ""]);
    return out;
  };
  await write("1.0.0");
  expect(await run()).toContain("running: npm ci");
  expect(await run()).toContain("npm packages: up to date");
  await write("1.0.1");
  expect(await run()).toContain("running: npm ci");
});
