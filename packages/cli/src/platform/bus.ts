import { join } from "node:path";
import { type Bus, openLocalBus } from "@openworkers/bus";
import type { Report } from "@openworkers/core";

export interface StartBusOptions {
  readonly dataDir: string;
  readonly report: Report;
}

export interface PlatformBus extends AsyncDisposable {
  readonly bus: Bus;
  readonly description: string;
}

/** The bus of a platform on this machine. */
export async function startBus({ dataDir, report }: StartBusOptions): Promise<PlatformBus> {
  const bus = openLocalBus({ path: join(dataDir, "bus/bus.sqlite"), report });
  return { bus, description: "in process", [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose]() };
}
