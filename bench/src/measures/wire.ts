import { chmod, chown, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAddress, startEmbeddedPostgres } from "@openworkers/db";
import { Client } from "pg";
import { freePort } from "../contenders/contender.ts";
import { withCpu } from "../cpu.ts";
import type { Row } from "../report.ts";
import { median, spread } from "../stats.ts";

interface Peer {
  readonly name: "direct" | "PgBouncer" | "Postgate";
  readonly url: string;
  /** Of the proxy, when it is one. */
  readonly pid?: number;
}

const clients = 8;
const scale = 5;
const tenant = { user: "bench", password: "bench" };
// Not `-M prepared`: PgBouncer takes it from 1.21 on, and Debian 12 has 1.18.
const works = [
  { what: `pgbench -S, ${clients} clients`, options: ["-S", "-c", `${clients}`] },
  {
    what: `pgbench -S -M extended, ${clients} clients`,
    options: ["-S", "-M", "extended", "-c", `${clients}`],
  },
  { what: "pgbench -S, 1 client", options: ["-S", "-c", "1"] },
  { what: `pgbench TPC-B-like, ${clients} clients`, options: ["-c", `${clients}`] },
] as const;

/**
 * Transactions per second of pgbench through the wire face, beside PgBouncer in transaction mode and beside PostgreSQL itself.
 * Needs Debian's pgbench and pgbouncer.
 */
export async function measureWire(size: {
  readonly rounds: number;
  readonly seconds: number;
}): Promise<Row[]> {
  await using parts = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "ow-bench-wire-"));
  parts.defer(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o711);
  const server = parts.use(await startEmbeddedPostgres({ dataDir: join(directory, "pg"), durable: false }));
  await makeTenant(server.urlOf("postgres"));
  const direct = new URL(server.urlOf(tenant.user));
  direct.searchParams.set("user", tenant.user);
  direct.searchParams.set("password", tenant.password);
  const peers: Peer[] = [
    { name: "direct", url: direct.href },
    { name: "PgBouncer", ...(await startPgBouncer(parts, directory, direct.href)) },
    { name: "Postgate", ...(await startPostgate(parts, direct.href)) },
  ];
  for (const { url } of peers)
    await pgbench(url, url === direct.href ? ["-i", "-s", `${scale}`, "-q"] : ["-t", "1", "-S"]);

  const rows: Row[] = [];
  for (const { what, options } of works) {
    const results = new Map(peers.map(({ name }): [Peer["name"], Result[]] => [name, []]));
    // In turn, so that what disturbs the machine disturbs them all.
    for (let round = 0; round < size.rounds; round++) {
      for (const peer of peers) results.get(peer.name)?.push(await measure(peer, options, size.seconds));
    }
    const tps = (name: Peer["name"]) => results.get(name)?.map(({ perSecond }) => perSecond) ?? [];
    const ratio = median(tps("Postgate")) / median(tps("PgBouncer"));
    const shown = [...results].map(([name, all]) => {
      const us = median(all.map(({ cpuUs }) => cpuUs));
      const own = us === 0 ? "" : `, ${us.toFixed(0)} µs CPU`;
      return `${name} ${median(tps(name)).toFixed(0)} /s (± ${(spread(tps(name)) * 100).toFixed(0)} %${own})`;
    });
    rows.push({
      what,
      value: [...shown, `${ratio.toFixed(2)} ×`].join("  "),
      budget: "≥ 0.8 × PgBouncer",
      ok: ratio >= 0.8,
    });
  }
  return rows;
}

interface Result {
  readonly perSecond: number;
  /** Of the proxy, per transaction. */
  readonly cpuUs: number;
}

async function measure({ url, pid }: Peer, options: readonly string[], seconds: number): Promise<Result> {
  const { result: out, cpuUs } = await withCpu(pid === undefined ? [] : [pid], () =>
    pgbench(url, ["-n", "-T", `${seconds}`, ...options]),
  );
  const transactions = Number(/actually processed: (\d+)/.exec(out)?.[1]);
  const used = [...cpuUs.values()].reduce((sum, us) => sum + us, 0);
  return { perSecond: Number(/^tps = ([\d.]+)/m.exec(out)?.[1]), cpuUs: used / transactions };
}

async function makeTenant(url: string): Promise<void> {
  const { host, port, database, user, password } = parseAddress(url);
  const admin = new Client({ host, port, database, user, password });
  await admin.connect();
  await admin.query(`create role ${tenant.user} login password '${tenant.password}'`);
  await admin.query(`create database ${tenant.user} owner ${tenant.user}`);
  await admin.end();
}

async function startPgBouncer(parts: AsyncDisposableStack, directory: string, url: string) {
  const binary = Bun.which("pgbouncer", { PATH: `${process.env.PATH}:/usr/sbin` });
  if (binary === null) throw new Error("pgbouncer is missing: ./setup --dev");
  const { host, port: backendPort, database } = parseAddress(url);
  const port = await freePort();
  const config = join(directory, "pgbouncer.ini");
  const users = join(directory, "users.txt");
  await Bun.write(users, `"${tenant.user}" "${tenant.password}"\n`);
  await Bun.write(
    config,
    `[databases]
${database} = host=${host} port=${backendPort} user=${tenant.user} password=${tenant.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${clients}
`,
  );
  // It refuses to be root, and only PostgreSQL's account may use PostgreSQL's socket.
  const { uid, gid } = await stat(host);
  for (const file of [config, users]) await chown(file, uid, gid);
  const as =
    process.getuid?.() === 0 ? ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"] : [];
  return start(parts, [...as, binary, "-q", config], {}, port);
}

function startPostgate(parts: AsyncDisposableStack, url: string) {
  return freePort().then((port) =>
    start(
      parts,
      [process.execPath, join(import.meta.dir, "../contenders/wire-face.ts")],
      { OW_BENCH_WIRE: url, PORT: `${port}` },
      port,
    ),
  );
}

async function start(
  parts: AsyncDisposableStack,
  command: string[],
  env: Record<string, string>,
  port: number,
): Promise<Required<Pick<Peer, "url" | "pid">>> {
  const child = Bun.spawn(command, {
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  parts.defer(async () => {
    child.kill();
    await child.exited;
  });
  while (!(await listens(port))) {
    if (child.exitCode !== null) throw new Error(`${command.join(" ")} ended with ${child.exitCode}`);
    await Bun.sleep(50);
  }
  const url = `postgres://${tenant.user}:${tenant.password}@127.0.0.1:${port}/${tenant.user}?sslmode=disable`;
  return { url, pid: child.pid };
}

async function listens(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

async function pgbench(url: string, options: readonly string[]): Promise<string> {
  const child = Bun.spawn(["pgbench", ...options, url], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [code, out, err] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if (code !== 0) throw new Error(`pgbench ${options.join(" ")}: ${err}`);
  return out;
}
