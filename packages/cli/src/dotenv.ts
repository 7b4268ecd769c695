import { readFile } from "node:fs/promises";
import { messageOf, OpenWorkersError } from "@openworkers/core";
import { parseDotenv } from "@openworkers/core/dotenv";

/** The values in a dotenv file on disk. */
export async function readDotenv(path: string): Promise<Map<string, string>> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new OpenWorkersError("INVALID_INPUT", `${path} cannot be read: ${messageOf(cause)}.`, { cause });
  });
  return parseDotenv(text, path);
}
