import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..", "..");

async function versionOf(packageJson: string): Promise<string> {
  const file = Bun.file(join(root, packageJson));
  if (!(await file.exists())) return "not installed";
  const { version } = await file.json();
  return String(version);
}

async function commandVersion(...command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "ignore" });
  const text = await child.stdout.text();
  await child.exited;
  return /\d+\.\d+[\d.]*/.exec(text)?.[0] ?? "unknown";
}

/**
 * The machine and the versions that a result is worth nothing without.
 *
 * @param loadBefore the load average of the minute before the first measurement
 */
export async function describeMachine(loadBefore: number): Promise<string[]> {
  const processors = cpus();
  const [workerd, wrangler, node, wrk] = await Promise.all([
    versionOf("node_modules/workerd/package.json"),
    versionOf("bench/peers/node_modules/wrangler/package.json"),
    commandVersion("node", "--version"),
    commandVersion("wrk", "--version"),
  ]);
  return [
    `${processors.length} × ${processors[0]?.model.trim() ?? "unknown CPU"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    `workerd ${workerd} · wrangler ${wrangler} · Bun ${Bun.version} · Node ${node} · wrk ${wrk}`,
    `load average before: ${loadBefore.toFixed(2)} (should be near 0)`,
  ];
}
