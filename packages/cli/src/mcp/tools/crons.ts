import { cronPolicySchema } from "@openworkers/core";
import { z } from "zod";
import type { WhichCron } from "../../backend/crons.ts";
import { fields, given } from "../fields.ts";
import { destroyTool, readTool, type Tool, writeTool } from "../tool.ts";

const { worker } = fields;
const timezone = z.string().optional().describe("IANA name, such as Europe/Berlin");
const policy = cronPolicySchema.partial().strict();
const which = {
  worker,
  cron: z.string().min(1).describe("The cron's expression or id"),
  timezone: timezone.describe("Which, where a worker has the expression in several"),
};

export const cronTools: readonly Tool[] = [
  readTool("crons_list", {
    title: "List crons",
    description: "The schedules on which workers are called, of one worker or of all.",
    input: z.object({ worker: worker.optional() }),
    run: async (input, { backend }) => ({ crons: await backend.crons.list(input.worker) }),
  }),
  writeTool("crons_add", {
    title: "Add a cron",
    description:
      "Has a worker's scheduled() called: minute hour day month weekday, or six fields with the second first. In UTC unless a time zone is given.",
    input: z.object({ worker, expression: z.string().min(1), timezone, policy: policy.default({}) }),
    run: async ({ timezone: zone, ...wanted }, { backend }) => ({
      ...(await backend.crons.add({ ...wanted, policy: given(wanted.policy), ...given({ timezone: zone }) })),
    }),
  }),
  writeTool("crons_set", {
    title: "Change a cron",
    description:
      "Changes how a cron runs: retries, overlap, what becomes of late runs, how long one may take.",
    idempotent: true,
    input: z.object({ ...which, policy }),
    run: async ({ policy: change, ...cron }, { backend }) => ({
      ...(await backend.crons.change(chosen(cron), given(change))),
    }),
  }),
  writeTool("crons_pause", {
    title: "Pause a cron",
    description: "Keeps a cron from running until it is resumed.",
    idempotent: true,
    input: z.object(which),
    run: async (cron, { backend }) => ({ ...(await backend.crons.pause(chosen(cron))) }),
  }),
  writeTool("crons_resume", {
    title: "Resume a cron",
    description: "Has a paused cron run again from now on; what it missed is not made up for.",
    idempotent: true,
    input: z.object(which),
    run: async (cron, { backend }) => ({ ...(await backend.crons.resume(chosen(cron))) }),
  }),
  destroyTool("crons_remove", {
    title: "Remove a cron",
    description: "Removes a cron with its history.",
    input: z.object(which),
    run: async (cron, { backend }) => ({ removed: await backend.crons.remove(chosen(cron)) }),
  }),
  writeTool("crons_run", {
    title: "Run a cron now",
    description: "Has a cron run now, beside its schedule. What became of it: crons_history.",
    input: z.object(which),
    run: async (cron, { backend }) => ({ ...(await backend.crons.run(chosen(cron))) }),
  }),
  readTool("crons_history", {
    title: "Show runs",
    description: "What became of a worker's due times, the newest first.",
    input: z.object({ worker, cron: which.cron.optional(), limit: fields.limit(1_000, 20) }),
    run: async ({ worker: name, cron, limit }, { backend }) => ({
      runs: await backend.crons.history(name, { limit, ...given({ cron }) }),
    }),
  }),
];

function chosen({
  worker: name,
  cron,
  timezone: zone,
}: {
  worker: string;
  cron: string;
  timezone?: string | undefined;
}): WhichCron {
  return { worker: name, cron, ...given({ timezone: zone }) };
}
