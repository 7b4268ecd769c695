import { expect, test } from "bun:test";
import { Registry } from "@openworkers/core";
import { parseExposition } from "@openworkers/core/testing";
import { invocation, source } from "../logs/testing/records.ts";
import { WorkerSeries } from "./worker-series.ts";

const hour = 3_600_000;

function invocationsOf(registry: Registry): Record<string, number> {
  return Object.fromEntries(
    parseExposition(registry.text()).get("ow_worker_invocations_total")?.samples ?? [],
  );
}

test("workers beyond the places are counted together, and nobody's count ever falls", () => {
  const registry = new Registry();
  let now = 0;
  const series = new WorkerSeries(registry, 2, () => now);
  for (const worker of ["a", "b", "c", "d", "c", "a"]) series.count(invocation(source(worker)));
  const name = (worker: string) => `ow_worker_invocations_total{worker="${worker}",outcome="ok"}`;
  expect(invocationsOf(registry)).toEqual({ [name("a")]: 2, [name("b")]: 1, [name(":other")]: 3 });
  // Not an hour yet.
  now = hour - 1;
  series.count(invocation(source("a")));
  series.count(invocation(source("c")));
  expect(invocationsOf(registry)).toEqual({ [name("a")]: 3, [name("b")]: 1, [name(":other")]: 4 });
  // Now b has been silent for an hour.
  now = hour + 1_000;
  series.count(invocation(source("c")));
  expect(invocationsOf(registry)).toEqual({ [name("a")]: 3, [name("c")]: 1, [name(":other")]: 4 });
});
