import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { OpenWorkers } from "./contenders/openworkers.ts";
import { describeMachine } from "./machine.ts";
import { progress } from "./progress.ts";
import { sections } from "./sections.ts";
import { fullSize, quickSize } from "./size.ts";

const help = `usage: npm run bench [-- --quick] [--only SECTION]

Measures this platform beside bare workerd, wrangler dev, Bun.serve and Node http, in one run on the same work, and the
bindings beside what they stand for. Needs wrk and nginx (./setup --dev) and a quiet machine. Takes a quarter of
an hour; --quick takes less, and is good for a first look only. --only measures one section alone: ${Object.keys(sections).join(", ")}.
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
const size = options.quick ? quickSize : fullSize;
const names = options.only === undefined ? Object.keys(sections) : [options.only];
const [loadBefore = 0] = loadavg();
const lines: string[] = [];
for (const name of names) {
  progress(name);
  lines.push("", ...(await measure(name)));
}
if (options.quick) lines.push("", "--quick: few and short samples; do not quote these.");
// Now: the first run installs what it compares with.
console.log([...(await describeMachine(loadBefore)), ...lines].join("\n"));
process.exit(0);

/** On a platform of its own: what another section left running would be measured with it. */
async function measure(name: string): Promise<string[]> {
  const section = sections[name];
  if (section === undefined) throw new Error(`--only takes one of: ${Object.keys(sections).join(", ")}`);
  await using platform = await OpenWorkers.start();
  return await section(platform, size);
}
