import { bindingNamePattern } from "@openworkers/core";
import { z } from "zod";
import type { EnvironmentBinding } from "../../backend/backend.ts";
import { fields } from "../fields.ts";
import { destroyTool, readTool, type Tool, writeTool } from "../tool.ts";

const { worker } = fields;
const name = z.string().regex(bindingNamePattern).describe("The name on the worker's env");
const values = z.record(name, z.string());
const resource = (what: string) => z.string().min(1).describe(`Name or id of the ${what}`);

// Flat, because models fill flat arguments best; the union says which belong together.
const bindingInput = z.object({
  worker,
  name,
  to: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("kv"), namespace: resource("namespace") }),
    z.strictObject({ kind: z.literal("storage"), bucket: resource("bucket") }),
    z.strictObject({ kind: z.literal("database"), database: resource("database") }),
    z.strictObject({ kind: z.literal("hyperdrive"), database: resource("database, for PostgreSQL drivers") }),
    z.strictObject({ kind: z.literal("queue"), queue: resource("queue") }),
    z.strictObject({
      kind: z.literal("worker"),
      worker: z.string().min(1).describe("Name of another worker of the same owner"),
      entrypoint: z.string().optional().describe("An exported class instead of the default export"),
      props: z.record(z.string(), z.unknown()).optional().describe("What the other worker sees as ctx.props"),
    }),
  ]),
});

export const environmentTools: readonly Tool[] = [
  readTool("env_list", {
    title: "List values",
    description: "The values of a worker's environment; of secrets the names only.",
    input: z.object({ worker }),
    run: async (input, { backend }) => ({ values: await backend.values(input.worker) }),
  }),
  writeTool("env_set", {
    title: "Set values",
    description:
      "Sets plain values of a worker's environment, all of them or none; live at once. For what nobody may read: secrets_set.",
    idempotent: true,
    input: z.object({ worker, values }),
    run: async (input, { backend }) => {
      await backend.setVars(input.worker, new Map(Object.entries(input.values)));
      return { worker: input.worker, set: Object.keys(input.values) };
    },
  }),
  destroyTool("env_unset", {
    title: "Remove values",
    description: "Removes plain values. Returns those that were there.",
    idempotent: true,
    input: z.object({ worker, names: fields.names }),
    run: async (input, { backend }) => ({ removed: await backend.unset(input.worker, "var", input.names) }),
  }),
  readTool("secrets_list", {
    title: "List secrets",
    description: "The names of a worker's secrets. What they say can be read by the worker alone.",
    input: z.object({ worker }),
    run: async (input, { backend }) => ({
      secrets: (await backend.values(input.worker)).filter(({ kind }) => kind === "secret"),
    }),
  }),
  writeTool("secrets_set", {
    title: "Set secrets",
    description:
      "Seals and sets secrets of a worker, all of them or none; live at once. They can never be read back.",
    idempotent: true,
    input: z.object({ worker, secrets: values }),
    run: async (input, { backend }) => {
      await backend.setSecrets(input.worker, new Map(Object.entries(input.secrets)));
      return { worker: input.worker, set: Object.keys(input.secrets) };
    },
  }),
  destroyTool("secrets_delete", {
    title: "Remove secrets",
    description: "Removes secrets. Returns those that were there.",
    idempotent: true,
    input: z.object({ worker, names: fields.names }),
    run: async (input, { backend }) => ({
      removed: await backend.unset(input.worker, "secret", input.names),
    }),
  }),
  readTool("bindings_list", {
    title: "List bindings",
    description:
      "What the names on a worker's env lead to, and whether its manifest or its environment says so.",
    input: z.object({ worker }),
    run: async (input, { backend }) => ({ bindings: await backend.bindings(input.worker) }),
  }),
  writeTool("bindings_add", {
    title: "Add a binding",
    description:
      "Binds a name on a worker's env to something that is there, without a deploy; it goes before the manifest's.",
    idempotent: true,
    input: bindingInput,
    run: async (input, { backend }) => {
      await backend.addBindings(input.worker, new Map([[input.name, bindingOf(input.to)]]));
      const added = (await backend.bindings(input.worker)).filter((each) => each.name === input.name);
      return { bindings: added };
    },
  }),
  destroyTool("bindings_remove", {
    title: "Remove bindings",
    description:
      "Removes bindings of a worker's environment; what they led to stays. Returns the names that were there.",
    idempotent: true,
    input: z.object({ worker, names: fields.names }),
    run: async (input, { backend }) => ({ removed: await backend.removeBindings(input.worker, input.names) }),
  }),
];

function bindingOf(to: z.output<typeof bindingInput>["to"]): EnvironmentBinding {
  if (to.kind !== "worker") return to;
  return { ...to, props: to.props === undefined ? undefined : JSON.stringify(to.props) };
}
