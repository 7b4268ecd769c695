import type { Command } from "commander";
import { queueConsumerCommand } from "../queues/consumer-commands.ts";
import { queueCommands } from "../queues/queue-commands.ts";
import { group } from "./context.ts";

export function queuesCommand(): Command {
  const queues = group("queues", "Queues between workers, and who takes their messages", [
    "ow queues create orders",
    "ow queues consumer add orders shop --batch-size 50",
    `ow queues send orders '{"id":1}'`,
    "ow queues pause orders",
  ]);
  for (const command of [...queueCommands(), queueConsumerCommand()]) queues.addCommand(command);
  return queues;
}
