import type { Command } from "commander";
import { bucketCommands } from "../storage/bucket-commands.ts";
import { objectCommands } from "../storage/object-commands.ts";
import { group } from "./context.ts";

export function storageCommand(): Command {
  const storage = group("storage", "Buckets and the objects in them", [
    "ow storage create files",
    "ow storage put files logo.png ./logo.png",
    "ow storage get files logo.png > logo.png",
    "ow storage list files --prefix images/",
  ]);
  for (const command of [...bucketCommands(), ...objectCommands()]) storage.addCommand(command);
  return storage;
}
