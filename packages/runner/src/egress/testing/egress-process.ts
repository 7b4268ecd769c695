import { noMeter } from "../../cells/byte-meter.ts";
import { unmetered } from "../../subrequests/budget.ts";
import { Egress } from "../egress.ts";
import { Guard } from "../guard/guard.ts";
import { Permissions } from "../guard/permissions.ts";

// A process whose memory is that of one cell's way out and nothing else. Listens on its first argument, and says for each line what it keeps in buffers.

const [path = ""] = process.argv.slice(2);
const guard = new Guard({ permissions: Permissions.parse(["127.0.0.1"]) });
const egress = new Egress({ guard, authorities: [], report() {} });
egress.listen(path, () => ({ policy: {}, budget: unmetered, meter: noMeter, warn() {} }));
console.log("listening");
for await (const _ of Bun.stdin.stream()) {
  Bun.gc(true);
  console.log(`kept ${process.memoryUsage().arrayBuffers}`);
}
