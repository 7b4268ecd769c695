import { parseArgs } from "node:util";
import { rows } from "./budgets.ts";
import type { Contender } from "./contenders/contender.ts";
import { OpenWorkers } from "./contenders/openworkers.ts";
import { bareWorkerd, bunServe, installPeers, nodeHttp, wranglerDev } from "./contenders/peers.ts";
import { describeMachine } from "./machine.ts";
import { measureColdStarts, measureIdleMemory } from "./measures/cells.ts";
import { measureDeployToLive } from "./measures/deploy.ts";
import { measureKillDelay } from "./measures/kill-delay.ts";
import { measureNeighbours } from "./measures/neighbours.ts";
import { measureThroughput } from "./measures/throughput.ts";
import { rowsTable, throughputTable } from "./report.ts";
import { sections } from "./sections.ts";

const help = `usage: npm run bench [-- --quick] [--only SECTION]

Measures this platform beside bare workerd, wrangler dev, Bun.serve and Node http, in one run on the same work, and the
bindings beside what they stand for. Needs wrk and nginx (./setup --dev) and a quiet machine. Takes about five minutes;
--quick takes two, and is good for a first look only. --only measures one section alone: ${Object.keys(sections).join(", ")}.
Exits with 0 unless something could not be measured: a budget that is exceeded is printed, not punished.
`;

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (options.help) {
  console.log(help);
  process.exit(0);
}
const size = options.quick
  ? {
      rounds: 2,
      seconds: 1,
      coldStarts: 10,
      cells: 20,
      deploys: 5,
      kills: 3,
      neighbourRounds: 1,
      neighbourSeconds: 3,
    }
  : {
      rounds: 5,
      seconds: 3,
      coldStarts: 30,
      cells: 100,
      deploys: 20,
      kills: 10,
      neighbourRounds: 3,
      neighbourSeconds: 5,
    };

function progress(text: string): void {
  console.error(`${text} …`);
}

if (options.only !== undefined) {
  await measureAlone(options.only);
  process.exit(0);
}

await installPeers();
const machine = await describeMachine();

progress("starting the contenders");
await using contenders = new AsyncDisposableStack();
const platform = contenders.use(await OpenWorkers.start());
await platform.deployFile("hello", "hello.js");
await platform.untilServed("hello");
const others: Contender[] = [];
for (const start of [bareWorkerd, wranglerDev, bunServe, nodeHttp])
  others.push(contenders.use(await start()));

progress(`throughput: ${size.rounds} rounds of ${size.seconds} s each`);
const throughput = await measureThroughput([platform, ...others], size).catch((error: unknown) => {
  console.error(platform.output);
  throw error;
});
for (const other of others) await other[Symbol.asyncDispose]();

progress(`neighbours: ${size.neighbourRounds} rounds, quiet and beside hostile workers`);
const neighbours = await measureNeighbours(platform, {
  rounds: size.neighbourRounds,
  seconds: size.neighbourSeconds,
});
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
await platform[Symbol.asyncDispose]();
const bindings: string[] = [];
for (const [name, section] of Object.entries(sections)) {
  progress(name);
  // A fresh one for each: what the others left running would be measured with it.
  await using alone = await OpenWorkers.start();
  bindings.push(...(await section(alone, size)), "");
}

console.log(
  [
    ...machine,
    "",
    throughputTable(throughput),
    "",
    rowsTable(rows({ throughput, neighbours, killDelays, deploys, warmPool, fromNothing, memory })),
    "",
    ...bindings,
    ...(options.quick ? ["", "--quick: few and short samples; do not quote these."] : []),
  ].join("\n"),
);

/** On a platform without a pool of blank cells. */
async function coldStartsFromNothing(count: number): Promise<number[]> {
  await using bare = await OpenWorkers.start({ OW_WARM_CELLS: "0" });
  return await measureColdStarts(bare, count);
}

/** The platform must be gone before the process ends, which nothing else would end. */
async function measureAlone(name: string): Promise<void> {
  const section = sections[name];
  if (section === undefined) throw new Error(`--only takes one of: ${Object.keys(sections).join(", ")}`);
  await using alone = await OpenWorkers.start();
  console.log([...(await describeMachine()), "", ...(await section(alone, size))].join("\n"));
}
