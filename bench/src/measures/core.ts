import { cellRows, neighbourRows, throughputRows } from "../budgets.ts";
import type { Contender } from "../contenders/contender.ts";
import { OpenWorkers } from "../contenders/openworkers.ts";
import { bareWorkerd, bunServe, installPeers, nodeHttp, wranglerDev } from "../contenders/peers.ts";
import { progress } from "../progress.ts";
import { rowsTable, throughputTable } from "../report.ts";
import type { BenchSize } from "../size.ts";
import { measureColdStarts, measureIdleMemory } from "./cells.ts";
import { measureDeployToLive } from "./deploy.ts";
import { measureKillDelay } from "./kill-delay.ts";
import { measureNeighbours } from "./neighbours.ts";
import { measureThroughput } from "./throughput.ts";

/** Hello world on this platform and on its peers, in turns. */
export async function benchThroughput(platform: OpenWorkers, size: BenchSize): Promise<string[]> {
  await installPeers();
  await deployHello(platform);
  await using peers = new AsyncDisposableStack();
  const others: Contender[] = [];
  for (const start of [bareWorkerd, wranglerDev, bunServe, nodeHttp]) others.push(peers.use(await start()));
  progress(`throughput: ${size.rounds} rounds of ${size.seconds} s each`);
  const throughput = await measureThroughput([platform, ...others], size).catch((error: unknown) => {
    console.error(platform.output);
    throw error;
  });
  return [throughputTable(throughput), "", rowsTable(throughputRows(throughput))];
}

export async function benchNeighbours(platform: OpenWorkers, size: BenchSize): Promise<string[]> {
  await deployHello(platform);
  progress(`neighbours: ${size.neighbourRounds} rounds, quiet and beside hostile workers`);
  const { neighbourRounds: rounds, neighbourSeconds: seconds } = size;
  return [rowsTable(neighbourRows(await measureNeighbours(platform, { rounds, seconds })))];
}

/** How cells come, stay and go. */
export async function benchCells(platform: OpenWorkers, size: BenchSize): Promise<string[]> {
  progress(`limit to kill: ${size.kills} endless loops`);
  const killDelays = await measureKillDelay(platform, size.kills);
  progress(`deploy to live: ${size.deploys} deploys`);
  const deploys = await measureDeployToLive(platform, size.deploys);
  progress(`cold starts from blank cells: ${size.coldStarts}`);
  const warmPool = await measureColdStarts(platform, size.coldStarts);
  progress(`idle memory of ${size.cells} cells`);
  const memory = await measureIdleMemory(platform, size.cells);
  progress(`cold starts from nothing: ${size.coldStarts}`);
  const fromNothing = await coldStartsFromNothing(size.coldStarts);
  return [rowsTable(cellRows({ killDelays, deploys, warmPool, fromNothing, memory }))];
}

async function deployHello(platform: OpenWorkers): Promise<void> {
  await platform.deployFile("hello", "hello.js");
  await platform.untilServed("hello");
}

/** On a platform without a pool of blank cells. */
async function coldStartsFromNothing(count: number): Promise<number[]> {
  await using bare = await OpenWorkers.start({ OW_WARM_CELLS: "0" });
  return await measureColdStarts(bare, count);
}
