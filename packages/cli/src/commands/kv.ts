import type { Command } from "commander";
import { kvEntryCommands } from "../kv/entry-commands.ts";
import { kvNamespaceCommands } from "../kv/namespace-commands.ts";
import { group } from "./context.ts";

export function kvCommand(): Command {
  const kv = group("kv", "Key-value namespaces and what is in them", [
    "ow kv create settings",
    "ow kv put settings colour blue",
    "ow kv get settings colour",
    "ow kv export settings > settings.json",
  ]);
  for (const command of [...kvNamespaceCommands(), ...kvEntryCommands()]) kv.addCommand(command);
  return kv;
}
