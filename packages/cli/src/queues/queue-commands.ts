import { checkDelaySeconds, messageOf } from "@openworkers/core";
import { type Command, Option } from "commander";
import type { NewQueueMessage, QueueSummary } from "../backend/queues.ts";
import { platformCommand, withPlatform } from "../commands/context.ts";
import { UsageError } from "../output/failure.ts";
import { formatTable, formatTime } from "../output/format.ts";
import { ask } from "../output/prompt.ts";
import { describeConsumer } from "./describe.ts";

interface Options {
  readonly json?: boolean;
  readonly yes?: boolean;
}

interface SendOptions extends Options {
  readonly type: "json" | "text";
  readonly delay: string;
}

export function queueCommands(): Command[] {
  return [
    platformCommand("create", "Create a queue", ["ow queues create orders"])
      .argument("<name>")
      .action(async (name: string, options: Options) => {
        await withPlatform(options, async ({ backend, output }) => {
          output.result(
            await backend.queues.create(name),
            `Created ${name}. Bind it in wrangler.jsonc:\n` +
              `  "queues": {\n    "producers": [{ "binding": "QUEUE", "queue": "${name}" }],\n` +
              `    "consumers": [{ "queue": "${name}" }]\n  }`,
          );
        });
      }),
    platformCommand("list", "List the queues", ["ow queues list"]).action(async (options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        const queues = await backend.queues.list();
        const rows = queues.map((queue) => [
          queue.name,
          queue.consumer?.worker ?? "nobody",
          queue.paused ? "paused" : "on",
          shown(queue.waiting),
          shown(queue.inFlight),
          String(queue.delayed),
          shown(queue.deadLetters),
          formatTime(queue.createdAt),
        ]);
        output.result(
          queues,
          formatTable(
            ["name", "consumer", "delivery", "waiting", "in flight", "delayed", "dead", "created"],
            rows,
            "There are no queues. Create one: ow queues create NAME",
          ),
        );
      });
    }),
    platformCommand("show", "Show a queue: who takes its messages, and how", ["ow queues show orders"])
      .argument("<queue>", "name or id")
      .action(async (nameOrId: string, options: Options) => {
        await withPlatform(options, async ({ backend, output }) => {
          const queue = await backend.queues.get(nameOrId);
          output.result(queue, describeQueue(queue));
        });
      }),
    platformCommand("delete", "Delete a queue with all its messages", [
      "ow queues delete orders",
      "ow queues delete orders --yes",
    ])
      .argument("<queue>", "name or id")
      .option("--yes", "do not ask for its name")
      .action(async (nameOrId: string, options: Options) => {
        await withSureQueue(nameOrId, options, "Delete", async (queue, { backend, output }) => {
          await backend.queues.delete(queue.id);
          output.result({ ...queue, deleted: true }, `${queue.name} is deleted.`);
        });
      }),
    platformCommand("purge", "Remove all of a queue's messages", ["ow queues purge orders --yes"])
      .argument("<queue>", "name or id")
      .option("--yes", "do not ask for its name")
      .action(async (nameOrId: string, options: Options) => {
        await withSureQueue(nameOrId, options, "Purge", async (queue, { backend, output }) => {
          await backend.queues.purge(queue.id);
          output.result(
            { queue: queue.name, purged: true },
            `The messages of ${queue.name} are removed. Those that a worker has already are done with by it.`,
          );
        });
      }),
    pauseCommand("pause", "Stop the delivery of a queue's messages; they are kept", true),
    pauseCommand("resume", "Go on with the delivery of a queue's messages", false),
    platformCommand("send", "Send a message", [
      `ow queues send orders '{"id":1}'`,
      "ow queues send mails hello --type text --delay 60",
    ])
      .argument("<queue>", "name or id")
      .argument("<body>", "what the consumer finds in message.body")
      .addOption(new Option("--type <type>", "what the body is").choices(["json", "text"]).default("json"))
      .option("--delay <seconds>", "how long it waits at least", "0")
      .action(async (nameOrId: string, body: string, options: SendOptions) => {
        const message = toMessage(body, options);
        await withPlatform(options, async ({ backend, output }) => {
          const id = await backend.queues.send(nameOrId, message);
          output.result({ id }, `Sent ${id}.`);
        });
      }),
  ];
}

function pauseCommand(name: "pause" | "resume", summary: string, paused: boolean): Command {
  return platformCommand(name, summary, [`ow queues ${name} orders`])
    .argument("<queue>", "name or id")
    .action(async (nameOrId: string, options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        await backend.queues.pause(nameOrId, paused);
        const queue = await backend.queues.get(nameOrId);
        output.result(
          queue,
          paused
            ? `${queue.name} is paused: its messages wait. Go on: ow queues resume ${queue.name}`
            : `${queue.name} is delivered again.`,
        );
      });
    });
}

async function withSureQueue(
  nameOrId: string,
  options: Options,
  what: "Delete" | "Purge",
  work: (queue: QueueSummary, context: Parameters<Parameters<typeof withPlatform>[1]>[0]) => Promise<void>,
): Promise<void> {
  if (!options.yes && !process.stdin.isTTY) {
    throw new UsageError(`${what} asks for the queue's name; give --yes where nobody can answer.`);
  }
  await withPlatform(options, async (context) => {
    const queue = await context.backend.queues.get(nameOrId);
    if (!options.yes) {
      const answer = await ask(
        `${what} ${queue.name} with all its messages? Type its name: `,
        context.signal,
      );
      if (answer.trim() !== queue.name) throw new UsageError("That is not its name; nothing has changed.");
    }
    await work(queue, context);
  });
}

function toMessage(text: string, { type, delay }: SendOptions): NewQueueMessage {
  if (!/^\d+$/.test(delay)) throw new UsageError(`--delay ${delay} is no whole number of seconds.`);
  const delaySeconds = checkDelaySeconds(Number(delay));
  if (type === "json") {
    try {
      JSON.parse(text);
    } catch (thrown) {
      throw new UsageError(`The body is not JSON: ${messageOf(thrown)}. For a text: --type text`);
    }
  }
  return { contentType: type, body: new TextEncoder().encode(text), delaySeconds };
}

/** What is not known is not 0. */
function shown(count: number | null): string {
  return count === null ? "-" : String(count);
}

function describeQueue(queue: QueueSummary): string {
  const { name, id, owner, createdAt, paused, delayed, consumer } = queue;
  const deadLetterQueue = consumer?.settings.deadLetterQueue;
  return [
    `${name} (${id}) of ${owner}, created ${formatTime(createdAt)}`,
    `delivery: ${paused ? "paused" : "on"}`,
    `consumer: ${consumer === undefined ? "none; messages wait" : describeConsumer(consumer)}`,
    `messages: ${shown(queue.waiting)} waiting, ${shown(queue.inFlight)} in flight, ${delayed} delayed`,
    ...(deadLetterQueue === undefined
      ? []
      : [`dead letters: ${shown(queue.deadLetters)} in ${deadLetterQueue}`]),
    ...(queue.waiting === null
      ? ["What is on the bus is not known: it is away, or is another machine's, which NATS_URL would name."]
      : []),
  ].join("\n");
}
