import { expect, test } from "bun:test";
import { join } from "node:path";

const module = join(import.meta.dir, "open-files.ts");
const report = `import { openFilesFindings } from ${JSON.stringify(module)};
console.log(JSON.stringify(await openFilesFindings(process.env.PID ? [Number(process.env.PID)] : [])));`;

/** What is found in a process that may have `hard` files open and cannot raise that. */
function findings(hard: number, env: Record<string, string> = {}) {
  // Root may raise its limits unless it has given that up; nobody else may.
  const drop =
    process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"] : [];
  const command = ["prlimit", `--nofile=1024:${hard}`, ...drop, process.execPath, "-e", report];
  const { stdout, stderr } = Bun.spawnSync(command, { env: { ...process.env, ...env } });
  expect(stderr.toString()).toBe("");
  return JSON.parse(stdout.toString());
}

test("a limit of open files that is too low for the cells there may be is a warning that says what to do", () => {
  expect(findings(20_000)).toEqual([
    {
      state: "warn",
      what: "open files",
      says: expect.stringContaining("20000 is enough for 23 busy cells, and there may be 500"),
      hint: expect.stringContaining("LimitNOFILE=1048576"),
    },
  ]);
  expect(findings(20_000, { OW_MAX_CELLS: "23" })).toEqual([
    { state: "ok", what: "open files", says: "20000, enough for 23 cells" },
  ]);
});

test("of a platform that runs its own limit counts", async () => {
  await using child = Bun.spawn(["prlimit", "--nofile=4096:4096", "cat"], { stdin: "pipe" });
  while (!(await Bun.file(`/proc/${child.pid}/comm`).text()).startsWith("cat")) await Bun.sleep(1);
  expect(findings(20_000, { PID: String(child.pid) })).toMatchObject([
    { state: "warn", says: expect.stringContaining("4096 is enough for 4 busy cells") },
  ]);
});
