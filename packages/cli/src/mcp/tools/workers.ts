import { z } from "zod";
import { versionBefore } from "../../deploy/version-before.ts";
import { fields } from "../fields.ts";
import { destroyTool, readTool, type Tool, writeTool } from "../tool.ts";

const { worker, message } = fields;
const version = z.int().min(1).describe("Number of a version");

export const workerTools: readonly Tool[] = [
  readTool("workers_list", {
    title: "List workers",
    description: "Every worker, with what is live of it and its address.",
    input: z.object({}),
    run: async (_, { backend, url }) => ({
      workers: (await backend.workers()).map((summary) => ({ ...summary, url: url(summary.worker) })),
    }),
  }),
  readTool("workers_get", {
    title: "Show a worker",
    description:
      "A worker's live versions, domains, routes, limits, bindings and the values of its environment; secrets by name only.",
    input: z.object({ worker }),
    run: async (input, { backend, url }) => ({
      ...(await backend.worker(input.worker)),
      url: url(input.worker),
    }),
  }),
  destroyTool("workers_delete", {
    title: "Delete a worker",
    description:
      "Deletes a worker with all its versions, its values, secrets and crons. What it was bound to stays.",
    input: z.object({ worker }),
    run: async (input, { backend }) => {
      await backend.deleteWorker(input.worker);
      return { worker: input.worker, deleted: true };
    },
  }),
  readTool("versions_list", {
    title: "List versions",
    description: "A worker's versions, newest first. Each has a preview address of its own.",
    input: z.object({ worker }),
    run: async (input, { backend, url }) => ({
      versions: (await backend.versions(input.worker)).map((each) => ({
        ...each,
        previewUrl: url(input.worker, each.version),
      })),
    }),
  }),
  readTool("deployments_list", {
    title: "List deployments",
    description: "What was live when, newest first; the first is live now.",
    input: z.object({ worker }),
    run: async (input, { backend }) => ({ deployments: await backend.deployments(input.worker) }),
  }),
  writeTool("deployments_create", {
    title: "Make versions live",
    description:
      "Makes existing versions live, with a share of the requests each; the percentages add up to 100.",
    input: z.object({
      worker,
      shares: z
        .array(z.strictObject({ version, percent: z.int().min(1).max(100) }))
        .min(1)
        .max(10),
      message,
    }),
    run: async (input, { backend, url }) => ({
      ...(await backend.createDeployment(input.worker, input.shares, input.message)),
      url: url(input.worker),
    }),
  }),
  writeTool("rollback", {
    title: "Roll a worker back",
    description:
      "Makes an earlier version live again, at once and alone: the one that was live before, unless one is named.",
    input: z.object({ worker, version: version.optional(), message }),
    run: async (input, { backend, url, served }) => {
      const target = input.version ?? (await versionBefore(backend, input.worker));
      const shares = [{ version: target, percent: 100 }];
      await backend.createDeployment(input.worker, shares, input.message ?? `Rollback to v${target}`);
      await served(input.worker, target);
      return { worker: input.worker, version: target, url: url(input.worker) };
    },
  }),
];
