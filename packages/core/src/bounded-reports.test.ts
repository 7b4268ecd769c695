import { expect, test } from "bun:test";
import { BoundedReports, maxReports } from "./bounded-reports.ts";

function rig(everyMs?: number) {
  const told: Record<string, unknown>[] = [];
  const reports = new BoundedReports((message, details) => told.push({ message, ...details }), everyMs);
  return { told, reports };
}

test("of many reports of one kind about one worker the first are told, and how many were not", () => {
  const { told, reports } = rig();
  for (let count = 0; count < 1_000; count++) reports.report("It failed.", { worker: "noisy", count });
  expect(told).toHaveLength(maxReports);
  expect(told[0]).toEqual({ message: "It failed.", worker: "noisy", count: 0 });
  reports[Symbol.dispose]();
  expect(told.slice(maxReports)).toEqual([
    { message: "Reports like others were left out.", of: "It failed.", worker: "noisy", dropped: 990 },
  ]);
});

test("a worker that fails without end does not hide what another one, or the platform, has to tell", () => {
  const { told, reports } = rig();
  for (let count = 0; count < 1_000; count++) reports.report("It failed.", { worker: "noisy" });
  reports.report("It failed.", { worker: "quiet" });
  reports.report("The database is away.", {});
  reports.report("A cell crashed.", { worker: "noisy" });
  reports.report("It failed.", { who: "token noisy", worker: "noisy" });
  expect(told.slice(maxReports)).toEqual([
    { message: "It failed.", worker: "quiet" },
    { message: "The database is away." },
    { message: "A cell crashed.", worker: "noisy" },
    { message: "It failed.", who: "token noisy", worker: "noisy" },
  ]);
  reports[Symbol.dispose]();
});

test("strangers are one subject, from however many addresses they come", () => {
  const { told, reports } = rig();
  for (let count = 0; count < 1_000; count++) reports.report("Refused.", { address: `192.0.2.${count}` });
  reports[Symbol.dispose]();
  expect(told).toHaveLength(maxReports + 1);
  expect(told.at(-1)).toMatchObject({ of: "Refused.", dropped: 990 });
});

test("after a minute reports are told again", async () => {
  const { told, reports } = rig(5);
  for (let count = 0; count < 50; count++) reports.report("It failed.", { worker: "noisy" });
  while (told.length <= maxReports) await Bun.sleep(1);
  expect(told.at(-1)).toMatchObject({ dropped: 40 });
  reports.report("It failed.", { worker: "noisy" });
  expect(told.at(-1)).toEqual({ message: "It failed.", worker: "noisy" });
  reports[Symbol.dispose]();
});

test("kinds without number are told as if they were one", () => {
  const { told, reports } = rig();
  for (let count = 0; count < 5_000; count++) reports.report("It failed.", { worker: `w${count}` });
  expect(told).toHaveLength(1_000 + maxReports);
  reports[Symbol.dispose]();
  expect(told.at(-1)).toEqual({ message: "Reports like others were left out.", dropped: 3_990 });
});
