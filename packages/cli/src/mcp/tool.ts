import type { z } from "zod";
import type { PlatformContext } from "../commands/context.ts";

/** What a tool does to a platform: clients ask their user before one that destroys. */
export type ToolKind = "read" | "write" | "destroy";

/** An operation as the Model Context Protocol offers it. */
export interface Tool<Input extends z.ZodObject = z.ZodObject> {
  /** `<group>_<verb>`, the words being those of the command line. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly kind: ToolKind;
  /** Whether calling it again with the same arguments changes nothing more. */
  readonly idempotent: boolean;
  readonly input: Input;
  /** Returns what the model reads, as JSON. */
  run(input: z.output<Input>, context: PlatformContext): Promise<Readonly<Record<string, unknown>>>;
}

interface Definition<Input extends z.ZodObject> {
  readonly title: string;
  readonly description: string;
  readonly idempotent?: boolean;
  readonly input: Input;
  readonly run: Tool<Input>["run"];
}

/** A tool that changes nothing. */
export function readTool<Input extends z.ZodObject>(name: string, definition: Definition<Input>): Tool {
  return erased({ name, kind: "read", idempotent: true, ...definition });
}

/** A tool that makes or changes something, and takes nothing away that cannot be had again. */
export function writeTool<Input extends z.ZodObject>(name: string, definition: Definition<Input>): Tool {
  return erased({ name, kind: "write", idempotent: false, ...definition });
}

/** A tool that takes something away for good. */
export function destroyTool<Input extends z.ZodObject>(name: string, definition: Definition<Input>): Tool {
  return erased({ name, kind: "destroy", idempotent: false, ...definition });
}

// A list holds tools of all inputs: each parses its own again, which is what makes that safe.
function erased<Input extends z.ZodObject>({ input, run, ...rest }: Tool<Input>): Tool {
  return { ...rest, input, run: (given, context) => run(input.parse(given), context) };
}
