import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";
import type { CellExit } from "../cell.ts";
import type { StackMapper } from "../logs/source-map.ts";

const errorLine = z.object({ level: z.literal("error"), message: z.string() });
/** workerd names the service whose worker failed; there is one. */
const servicePrefix = /^service user: /;

/** Why a cell ended before it took requests, in the worker's own words. */
export function startFailure(exit: CellExit, mapStack: StackMapper): OpenWorkersError {
  if (exit.outOfMemory) {
    return new OpenWorkersError("START_FAILED", "The worker's top level used up its memory.", {
      hint: "Allocate less before the first request, or raise limits.memoryBytes.",
    });
  }
  const messages = exit.stderr.split("\n").flatMap((line) => {
    const parsed = errorLine.safeParse(parseJson(line));
    return parsed.success ? [parsed.data.message] : [];
  });
  const [first] = messages;
  if (first === undefined) {
    const how = exit.signal ?? `exit code ${exit.code}`;
    return new OpenWorkersError("START_FAILED", `The worker ended before it took a request (${how}).`, {
      details: { stderr: exit.stderr },
    });
  }
  const stack = mapStack(first.replace(servicePrefix, "")).trim();
  return new OpenWorkersError("START_FAILED", stack.split("\n", 1)[0] ?? stack, { details: { stack } });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // workerd writes other things to stderr as well
  }
}
