import { checkDelaySeconds, queueConsumerSchema, queueConsumerSettings } from "@openworkers/core";
import { z } from "zod";
import { fields } from "../fields.ts";
import { destroyTool, readTool, type Tool, writeTool } from "../tool.ts";

const queue = fields.nameOrId("queue");

export const queueTools: readonly Tool[] = [
  readTool("queues_list", {
    title: "List queues",
    description: "Every queue, with the worker that takes its messages.",
    input: z.object({}),
    run: async (_, { backend }) => ({ queues: await backend.queues.list() }),
  }),
  readTool("queues_get", {
    title: "Show a queue",
    description: "A queue, who takes its messages and how.",
    input: z.object({ queue }),
    run: async (input, { backend }) => ({ ...(await backend.queues.get(input.queue)) }),
  }),
  writeTool("queues_create", {
    title: "Create a queue",
    description: "Creates an empty queue.",
    input: z.object({ name: z.string().min(1) }),
    run: async ({ name }, { backend }) => ({ ...(await backend.queues.create(name)) }),
  }),
  destroyTool("queues_delete", {
    title: "Delete a queue",
    description: "Deletes a queue with its messages; refused while a worker uses it.",
    input: z.object({ queue }),
    run: async (input, { backend }) => {
      await backend.queues.delete(input.queue);
      return { queue: input.queue, deleted: true };
    },
  }),
  writeTool("queues_pause", {
    title: "Pause a queue",
    description: "Stops delivery; messages wait.",
    idempotent: true,
    input: z.object({ queue }),
    run: async (input, { backend }) => {
      await backend.queues.pause(input.queue, true);
      return { ...(await backend.queues.get(input.queue)) };
    },
  }),
  writeTool("queues_resume", {
    title: "Resume a queue",
    description: "Goes on with delivery.",
    idempotent: true,
    input: z.object({ queue }),
    run: async (input, { backend }) => {
      await backend.queues.pause(input.queue, false);
      return { ...(await backend.queues.get(input.queue)) };
    },
  }),
  destroyTool("queues_purge", {
    title: "Purge a queue",
    description: "Removes all messages of a queue.",
    input: z.object({ queue }),
    run: async (input, { backend }) => {
      await backend.queues.purge(input.queue);
      return { queue: input.queue, purged: true };
    },
  }),
  writeTool("queues_send", {
    title: "Send a message",
    description: "Sends a message, as JSON or as a text; the consumer finds it in message.body.",
    input: z.object({
      queue,
      body: z.unknown().describe("Any JSON value; a text with type `text`"),
      type: z.enum(["json", "text"]).default("json"),
      delaySeconds: z.int().min(0).default(0),
    }),
    run: async ({ queue: nameOrId, body, type, delaySeconds }, { backend }) => {
      const text = type === "text" ? z.string().parse(body) : JSON.stringify(body ?? null);
      const id = await backend.queues.send(nameOrId, {
        contentType: type,
        body: new TextEncoder().encode(text),
        delaySeconds: checkDelaySeconds(delaySeconds),
      });
      return { id };
    },
  }),
  writeTool("queues_consumer_set", {
    title: "Set a queue's consumer",
    description: "Has a worker take a queue's messages; its settings are replaced when it does already.",
    idempotent: true,
    input: z.object({
      queue,
      worker: fields.worker,
      settings: queueConsumerSchema.partial().strict().optional(),
    }),
    run: async (input, { backend }) => {
      await backend.queues.setConsumer(
        input.queue,
        input.worker,
        queueConsumerSettings(input.settings ?? {}),
      );
      return { ...(await backend.queues.get(input.queue)) };
    },
  }),
  destroyTool("queues_consumer_remove", {
    title: "Remove a queue's consumer",
    description: "Nobody takes the queue's messages from then on; they wait.",
    input: z.object({ queue }),
    run: async (input, { backend }) => {
      await backend.queues.removeConsumer(input.queue);
      return { ...(await backend.queues.get(input.queue)) };
    },
  }),
];
