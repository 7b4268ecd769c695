import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { program, type TestCells, testCells } from "../testing/test-cells.ts";
import { bubblewrap } from "./bubblewrap.ts";
import { checkSandbox } from "./check-sandbox.ts";

const root = process.getuid?.() === 0;
let cells: TestCells;
beforeAll(async () => {
  cells = await testCells();
});
afterAll(() => cells[Symbol.asyncDispose]());

function status(pid: number): Record<string, string> {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Object.fromEntries(text.split("\n").map((line) => line.split(":\t") as [string, string]));
}

const nothing = "0000000000000000";

describe("a cell's process", () => {
  test("has no capability, no new privileges, a system call filter and a user of its own", async () => {
    await using one = await cells.start(program("export default {}"));
    await using two = await cells.start(program("export default {}"));
    for (const { cell } of [one, two]) {
      expect(status(cell.pid)).toMatchObject({
        ...{ CapInh: nothing, CapPrm: nothing, CapEff: nothing, CapBnd: nothing, CapAmb: nothing },
        ...{ NoNewPrivs: "1", Seccomp: "2" },
      });
      if (root) expect(status(cell.pid).Uid).not.toMatch(/\b0\b/);
    }
    if (root) expect(status(one.cell.pid).Uid).not.toBe(status(two.cell.pid).Uid);
  });

  test("shares no namespace with the runner", async () => {
    await using one = await cells.start(program("export default {}"));
    const shared = ["cgroup", "ipc", "mnt", "net", "pid", "uts", ...(root ? [] : ["user"])].filter(
      (name) => readlinkSync(`/proc/${one.cell.pid}/ns/${name}`) === readlinkSync(`/proc/self/ns/${name}`),
    );
    expect(shared).toEqual([]);
  });

  test("has no network interface but a loopback of its own", async () => {
    await using one = await cells.start(program("export default {}"));
    const interfaces = readFileSync(`/proc/${one.cell.pid}/net/dev`, "utf8").split("\n").slice(2, -1);
    expect(interfaces.map((line) => line.split(":")[0]?.trim())).toEqual(["lo"]);
    expect(readFileSync(`/proc/${one.cell.pid}/net/tcp`, "utf8").trim().split("\n")).toHaveLength(1);
    expect(readFileSync(`/proc/${one.cell.pid}/net/route`, "utf8").trim().split("\n")).toHaveLength(1);
  });

  test("sees workerd, its libraries, its sockets, two devices, the number of processors, and nothing that it can write to", async () => {
    await using one = await cells.start(program("export default {}"));
    const tree = `/proc/${one.cell.pid}/root`;
    const names = readdirSync(tree).sort();
    const expected = [
      "alive",
      "dev",
      "lib",
      "lib64",
      ...(root ? ["setpriv"] : []),
      "sockets",
      "sys",
      "workerd",
    ];
    expect(names).toEqual(process.arch === "x64" ? expected : expected.filter((name) => name !== "lib64"));
    expect(readdirSync(join(tree, "dev")).sort()).toEqual(["null", "urandom"]);
    expect(readdirSync(join(tree, "sys"), { recursive: true }).sort()).toEqual([
      "devices",
      "devices/system",
      "devices/system/cpu",
      "devices/system/cpu/possible",
    ]);
    expect(readdirSync(join(tree, "sockets")).sort()).toEqual(["broker", "broker-exact", "egress"]);
    const writable = readFileSync(`/proc/${one.cell.pid}/mountinfo`, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split(" "))
      .filter((fields) => !fields[5]?.split(",").includes("ro"))
      .map((fields) => fields[4]);
    expect(writable.sort()).toEqual(["/dev/null", "/dev/urandom"]);
  });

  test("has nothing of the runner's in its environment and only its own files open", async () => {
    await using one = await cells.start(program("export default {}"));
    // setpriv, which starts workerd under a root runner, adds nothing; bubblewrap sets PWD for itself.
    const environment = readFileSync(`/proc/${one.cell.pid}/environ`, "utf8").split("\0").slice(0, -1);
    expect(environment.filter((variable) => variable !== "PWD=/")).toEqual([
      "GLIBC_TUNABLES=glibc.pthread.rseq=0",
    ]);
    const open = readdirSync(`/proc/${one.cell.pid}/fd`).map((fd) =>
      readlinkSync(`/proc/${one.cell.pid}/fd/${fd}`),
    );
    expect(open.filter((target) => target.startsWith("/") && !target.startsWith("/dev/"))).toEqual(
      open.filter((target) => target === "/" || target === "/alive"),
    );
  });

  test("is held to its resource limits", async () => {
    const memoryBytes = 96 * 2 ** 20;
    await using one = await cells.start(program("export default {}"), { memoryBytes });
    const limits = readFileSync(`/proc/${one.cell.pid}/limits`, "utf8");
    const hard = (name: string) => Number(new RegExp(`^${name}\\s+(\\S+)\\s+(\\S+)`, "m").exec(limits)?.[2]);
    expect(hard("Max core file size")).toBe(0);
    expect(hard("Max file size")).toBe(0);
    expect(hard("Max processes")).toBe(64);
    expect(hard("Max open files")).toBe(2_048);
    expect(hard("Max data size")).toBe(one.cell.idleDataBytes + memoryBytes + 32 * 2 ** 20);
  });

  test("cannot use the socket of another cell", async () => {
    await using one = await cells.start(program("export default {}"));
    const directory = join(one.cell.httpSocket, "..");
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const name of ["egress", "broker"]) {
      const socket = statSync(join(directory, "sockets", name));
      expect(socket.mode & 0o777).toBe(0o600);
      if (root) expect(String(socket.uid)).toBe(status(one.cell.pid).Uid?.split("\t")[0] ?? "");
    }
    expect(statSync(directory).uid).toBe(process.getuid?.() ?? -1);
  });
});

describe("a worker", () => {
  test("finds nothing of the machine, and no way to it", async () => {
    const source = `
      import fs from "node:fs"; import child from "node:child_process"; import process from "node:process";
      import { connect } from "cloudflare:sockets";
      const attempt = async (action) => { try { return await action() } catch (error) { return "refused" } };
      const read = (path) => attempt(() => fs.readFileSync(path, "utf8"));
      const open = (address) => attempt(async () => { await connect(address).opened; return "open" });
      const get = (url) => attempt(async () => (await fetch(url)).status);
      export default { async fetch() { return Response.json({
        env: process.env,
        files: await Promise.all(["/etc/passwd", "/proc/self/environ", "/proc/1/maps", "/workerd", "/sockets/egress", "/home"].map(read)),
        exec: await attempt(() => child.execSync("/workerd --version")),
        tcp: await Promise.all(["127.0.0.1:22", "127.0.0.1:5432", "169.254.169.254:80", "[::1]:80"].map(open)),
        http: await Promise.all(["http://127.0.0.1/", "http://169.254.169.254/latest/", "https://example.com/", "http://localhost:8787/"].map(get)),
        eval: await attempt(() => new Function("return 1")()),
      }) } }`;
    await using one = await cells.start(program(source, { flags: ["nodejs_compat"] }));
    expect(await (await one.fetch()).json()).toEqual({
      env: {},
      files: Array(6).fill("refused"),
      exec: "refused",
      tcp: Array(4).fill("refused"),
      http: Array(4).fill("refused"),
      eval: "refused",
    });
  });
});

describe("the sandbox of a runner that is not root", () => {
  test("has a user namespace of its own", async () => {
    const bwrap = Bun.which("bwrap") ?? "";
    await using own = await testCells(bubblewrap({ bwrap, setpriv: undefined }));
    await using one = await own.start(program('export default { fetch: () => new Response("ok") }'));
    expect(await (await one.fetch()).text()).toBe("ok");
    expect(status(one.cell.pid)).toMatchObject({
      CapEff: nothing,
      CapBnd: nothing,
      NoNewPrivs: "1",
      Seccomp: "2",
    });
    expect(readlinkSync(`/proc/${one.cell.pid}/ns/user`)).not.toBe(readlinkSync("/proc/self/ns/user"));
    expect(readdirSync(`/proc/${one.cell.pid}/root`)).not.toContain("setpriv");
  });
});

describe("checking the sandbox", () => {
  test("says that it works where it does", async () => {
    expect(await checkSandbox()).toEqual({ ok: true });
  });

  test("says what is wrong and what to do where it does not", async () => {
    if (!root) return;
    expect(await checkSandbox(500)).toMatchObject({
      problem: "OW_CELL_UID_BASE is 500.",
      hint: expect.stringContaining("Choose a number"),
    });
  });
});
