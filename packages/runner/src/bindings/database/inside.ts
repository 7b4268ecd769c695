import { readdirSync, readFileSync } from "node:fs";
import type { Module } from "@openworkers/core";

const directory = new URL("./inside/", import.meta.url);
const prefix = "openworkers:database-";

/** A module of the client's. workerd 1.20261117 resolves what modules with a / in their names import to nothing. */
function read(name: string): Module {
  const source = readFileSync(new URL(name, directory), "utf8");
  const content = Buffer.from(source.replaceAll('from "./', `from "${prefix}`));
  return { name: prefix + name, type: "esModule", content };
}

const main = "client.js";

/** What makes `env.DB`. */
export const clientModule: Module = read(main);

/** What it is made of. */
export const clientParts: readonly Module[] = readdirSync(directory)
  .filter((name) => name.endsWith(".js") && name !== main)
  .map(read);
