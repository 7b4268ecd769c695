import { z } from "zod";
import { fields } from "../fields.ts";
import { destroyTool, readTool, type Tool, writeTool } from "../tool.ts";

const hostname = z.string().min(1).describe("Such as shop.example.com");

export const domainTools: readonly Tool[] = [
  readTool("domains_list", {
    title: "List domains",
    description:
      "Domains of one worker or of all, and what a TXT record at _openworkers.<hostname> must say.",
    input: z.object({ worker: fields.worker.optional() }),
    run: async (input, { backend }) => ({ domains: await backend.domains(input.worker) }),
  }),
  writeTool("domains_add", {
    title: "Add a domain",
    description: "Gives a worker a domain. It is served once its TXT record is there: domains_verify.",
    input: z.object({ worker: fields.worker, hostname }),
    run: async (input, { backend }) => ({ ...(await backend.addDomain(input.worker, input.hostname)) }),
  }),
  writeTool("domains_verify", {
    title: "Verify a domain",
    description: "Looks for the domain's TXT record; the domain is served from then on.",
    idempotent: true,
    input: z.object({ hostname }),
    run: async (input, { backend }) => ({
      ...(await backend.verifyDomain(input.hostname, { trust: false })),
    }),
  }),
  destroyTool("domains_remove", {
    title: "Remove a domain",
    description: "Takes a domain away from its worker.",
    input: z.object({ hostname }),
    run: async (input, { backend }) => {
      await backend.removeDomain(input.hostname);
      return { hostname: input.hostname, removed: true };
    },
  }),
];
