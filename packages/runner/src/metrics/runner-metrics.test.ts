import { expect, test } from "bun:test";
import { parseExposition } from "@openworkers/core/testing";
import { startTestRunner } from "../runner/testing/test-runner.ts";

test("a runner counts invocations by outcome, cells by state, starts and kills, and each worker when asked to", async () => {
  await using rig = await startTestRunner({ metricsPerWorker: true });
  await rig.deploy(
    "fine",
    `export default { fetch() { console.log("hello"); return new Response("ok"); } };`,
  );
  await rig.deploy("wrong", `export default { fetch() { throw new Error("no"); } };`);
  await rig.deploy("loop", "export default { fetch() { for (;;); } };", { limits: { cpuMs: 20 } });
  for (let at = 0; at < 3; at++) expect(await rig.text("fine")).toBe("ok");
  expect((await rig.get("wrong")).status).toBe(500);
  expect((await rig.get("loop")).status).toBe(503);
  const read = () => parseExposition(rig.metrics.text());
  const value = (name: string, labels = "") =>
    read()
      .get(name.replace(/_(?:bucket|sum|count)$/, ""))
      ?.samples.get(name + labels);
  const invocations = (outcome: string) =>
    value("ow_invocations_total", `{trigger="fetch",outcome="${outcome}"}`);
  expect(invocations("ok")).toBe(3);
  expect(invocations("exception")).toBe(1);
  expect(invocations("cpu-limit")).toBe(1);
  expect(value("ow_invocation_wall_seconds_count", '{trigger="fetch"}')).toBe(5);
  expect(value("ow_invocation_cpu_seconds_total", '{trigger="fetch"}')).toBeGreaterThan(0.02);
  expect(value("ow_cold_invocations_total", '{trigger="fetch"}')).toBe(3);
  expect(value("ow_cell_start_seconds_count")).toBe(3);
  expect(value("ow_cell_ends_total", '{reason="cpu-limit"}')).toBe(1);
  expect(value("ow_cells", '{state="idle"}')).toBe(2);
  expect(value("ow_cells", '{state="busy"}')).toBe(0);
  expect(value("ow_requests_in_flight")).toBe(0);
  expect(value("ow_requests_waiting")).toBe(0);
  expect(value("ow_client_connections")).toBeGreaterThan(0);
  expect(value("ow_routing_fresh")).toBe(1);
  expect(value("ow_worker_invocations_total", '{worker="fine",outcome="ok"}')).toBe(3);
  while ((value("ow_log_lines_total") ?? 0) < 3) await Bun.sleep(5);
});
