import { type QueueConsumerSettings, queueConsumerSettings } from "@openworkers/core";
import type { Command } from "commander";
import { group, platformCommand, withPlatform } from "../commands/context.ts";
import { UsageError } from "../output/failure.ts";
import { formatTable } from "../output/format.ts";
import { describeConsumer } from "./describe.ts";

interface Options {
  readonly json?: boolean;
}

interface AddOptions extends Options {
  readonly batchSize?: string;
  readonly batchTimeout?: string;
  readonly retries?: string;
  readonly retryDelay?: string;
  readonly concurrency?: string;
  readonly deadLetters?: string;
}

export function queueConsumerCommand(): Command {
  const consumer = group("consumer", "Who takes a queue's messages", [
    "ow queues consumer add orders shop --batch-size 50 --dead-letters orders-dead",
    "ow queues consumer list",
    "ow queues consumer remove orders",
  ]);
  return consumer
    .addCommand(
      platformCommand("add", "Have a worker take a queue's messages, or change how it does", [
        "ow queues consumer add orders shop",
        "ow queues consumer add orders shop --batch-size 50 --batch-timeout 2 --retries 5 --dead-letters orders-dead",
      ])
        .argument("<queue>", "name or id")
        .argument("<worker>")
        .option("--batch-size <messages>", "messages of a batch at most (1 to 100; default 10)")
        .option("--batch-timeout <seconds>", "how long a batch waits for more (0 to 60; default 5)")
        .option("--retries <count>", "deliveries after the first (0 to 100; default 3)")
        .option("--retry-delay <seconds>", "before a message is delivered again (default 0)")
        .option("--concurrency <batches>", "batches at a time (1 to 250; default as many as are good)")
        .option("--dead-letters <queue>", "where messages go that failed too often; else they are dropped")
        .action(async (queue: string, worker: string, options: AddOptions) => {
          const settings = settingsOf(options);
          await withPlatform(options, async ({ backend, output }) => {
            await backend.queues.setConsumer(queue, worker, settings);
            const { consumer: set } = await backend.queues.get(queue);
            output.result({ ...set }, `${queue}: ${set === undefined ? "nobody" : describeConsumer(set)}.`);
          });
        }),
    )
    .addCommand(
      platformCommand("remove", "Take a queue's consumer away; its messages wait", [
        "ow queues consumer remove orders",
      ])
        .argument("<queue>", "name or id")
        .action(async (queue: string, options: Options) => {
          await withPlatform(options, async ({ backend, output }) => {
            await backend.queues.removeConsumer(queue);
            output.result(
              { queue, removed: true },
              `Nobody takes the messages of ${queue}. If a manifest says that a worker does, it will again with its next deploy.`,
            );
          });
        }),
    )
    .addCommand(
      platformCommand("list", "List who takes which queue's messages", ["ow queues consumer list"]).action(
        async (options: Options) => {
          await withPlatform(options, async ({ backend, output }) => {
            const consumers = (await backend.queues.list()).flatMap((queue) => queue.consumer ?? []);
            const rows = consumers.map((each) => [each.queue, describeConsumer(each)]);
            output.result(consumers, formatTable(["queue", "consumer"], rows, "No queue has a consumer."));
          });
        },
      ),
    );
}

function settingsOf(options: AddOptions): QueueConsumerSettings {
  const number = (name: string, text: string | undefined): number | undefined => {
    if (text === undefined || /^\d+$/.test(text)) return text === undefined ? undefined : Number(text);
    throw new UsageError(`${name} ${text} is no whole number.`);
  };
  return queueConsumerSettings({
    maxBatchSize: number("--batch-size", options.batchSize),
    maxBatchTimeout: number("--batch-timeout", options.batchTimeout),
    maxRetries: number("--retries", options.retries),
    retryDelay: number("--retry-delay", options.retryDelay),
    maxConcurrency: number("--concurrency", options.concurrency),
    deadLetterQueue: options.deadLetters,
  });
}
