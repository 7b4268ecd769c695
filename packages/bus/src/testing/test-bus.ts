import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bus } from "../bus.ts";
import { openLocalBus } from "../local/local-bus.ts";

/** A local bus of a test's own, in a temporary directory that goes with it. */
export function testBus(): { readonly bus: Bus } & AsyncDisposable {
  const directory = mkdtempSync(join(tmpdir(), "ow-test-bus-"));
  const bus = openLocalBus({ path: join(directory, "bus.sqlite"), report: () => {} });
  return {
    bus,
    async [Symbol.asyncDispose]() {
      await bus[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
