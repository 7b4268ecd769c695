import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program, testCells } from "../testing/test-cells.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ow-host-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const ok = program('export default { fetch: () => new Response("ok") }');

function isRunning(pid: number): boolean {
  // A zombie is gone; who is to reap it is the system's business.
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}

/** Processes whose parent, or parent's parent, is `pid`. */
function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .filter(Boolean)
    .map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

describe("a cell host", () => {
  test("lets its own process have as many files open as it may", async () => {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const [, soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(limits) ?? [];
    expect(Number(soft)).toBe(Number(hard));
    expect(Number(soft)).toBeGreaterThan(2_048);
  });

  test("leaves no file descriptor, no process and no file behind after many cells", async () => {
    const before = readdirSync("/proc/self/fd").length;
    const children = descendants(process.pid);
    let runtimeDir: string;
    {
      await using cells = await testCells();
      runtimeDir = cells.runtimeDir;
      for (let round = 0; round < 5; round++) {
        const started = await Promise.all([
          cells.start(ok),
          cells.start(ok),
          cells.start(ok),
          cells.host.launchBlank(),
        ]);
        for (const cell of started) await cell[Symbol.asyncDispose]();
      }
      await expect(cells.start(program("throw 1; export default {}"))).rejects.toThrow();
    }
    expect(existsSync(runtimeDir)).toBe(false);
    expect(descendants(process.pid).filter((pid) => !children.includes(pid))).toEqual([]);
    // Bun opens a few of its own on first use; a leak of one per cell would be twenty.
    expect(readdirSync("/proc/self/fd").length - before).toBeLessThan(5);
  });

  test("takes its cells with it when it is killed, and the next one sweeps its directory", async () => {
    const script = join(import.meta.dir, "../testing/fixtures/host-to-kill.ts");
    const runtimeDir = join(directory, "r");
    const child = Bun.spawn([process.execPath, script, runtimeDir], { stdout: "pipe", stderr: "inherit" });
    let text = "";
    for await (const chunk of child.stdout) {
      text += new TextDecoder().decode(chunk);
      if (text.includes("\n")) break;
    }
    const family = descendants(child.pid);
    expect(family.length).toBeGreaterThanOrEqual(6);
    expect(family.every(isRunning)).toBe(true);
    expect(readdirSync(runtimeDir)).toEqual([String(child.pid)]);
    child.kill("SIGKILL");
    await child.exited;
    while (family.some(isRunning)) await Bun.sleep(5);
    const { CellDirectories } = await import("./cell-directory.ts");
    const next = new CellDirectories(runtimeDir);
    expect(readdirSync(runtimeDir)).toEqual([String(process.pid)]);
    next.dispose();
  });

  test("leaves the directories of runners that live alone", async () => {
    const runtimeDir = join(directory, "shared");
    mkdirSync(join(runtimeDir, "1"), { recursive: true });
    const { CellDirectories } = await import("./cell-directory.ts");
    const one = new CellDirectories(runtimeDir);
    const two = new CellDirectories(runtimeDir);
    expect(readdirSync(runtimeDir)).toHaveLength(3);
    two.dispose();
    one.dispose();
    expect(readdirSync(runtimeDir)).toEqual(["1"]);
  });

  test("says which path is too long for a socket", async () => {
    const { openCellHost } = await import("./cell-host.ts");
    const { findSandbox } = await import("../sandbox/find-sandbox.ts");
    const runtimeDir = join(directory, "x".repeat(100));
    await expect(openCellHost({ sandbox: findSandbox("bubblewrap"), runtimeDir })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      hint: "Choose a shorter runtime directory.",
    });
  });
});

describe("without a sandbox", () => {
  test("a cell serves as well", async () => {
    const { noSandbox } = await import("../sandbox/none.ts");
    await using cells = await testCells(noSandbox());
    await using one = await cells.start(ok);
    expect(await (await one.fetch()).text()).toBe("ok");
    one.cell.kill();
    expect((await one.cell.exited).signal).toBe("SIGKILL");
  });
});

describe("a cell's memory", () => {
  test.each([
    ["array buffers", "new Uint8Array(2 ** 20).fill(1)"],
    ["arrays", "new Array(1000).fill(1.1)"],
    ["strings", "new TextDecoder().decode(new Uint8Array(2 ** 20))"],
  ])("cannot be outgrown with %s, and the end says so or the worker is told", async (_, expression) => {
    await using cells = await testCells();
    const source = `export default { async fetch() {
      const kept = [];
      try { for (;;) kept.push(${expression}); } catch (error) { return new Response(error.name) }
    } }`;
    const memoryBytes = 64 * 2 ** 20;
    await using one = await cells.start(program(source), { memoryBytes });
    const answer = await one.fetch().then(
      (response) => response.text(),
      async () => ((await one.cell.exited).outOfMemory ? "ended" : "crashed"),
    );
    expect(["RangeError", "ended"]).toContain(answer);
  });
});
