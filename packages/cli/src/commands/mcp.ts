import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import type { Command } from "commander";
import { createMcpServer, type OpenForCall } from "../mcp/server.ts";
import { platformCommand, withContext, withPlatform } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly profile?: string;
  readonly port?: number;
  readonly readOnly?: boolean;
}

export function mcpCommand(): Command {
  return platformCommand(
    "mcp",
    "Serve what ow does to programs that speak the Model Context Protocol, on stdio",
    ["ow mcp", "ow mcp --read-only", "claude mcp add openworkers -- ow mcp"],
  )
    .option("--read-only", "offer only what changes nothing")
    .action(async (options: Options) => {
      await withContext(options, async ({ signal }) => {
        const open: OpenForCall = (work) => withPlatform(options, work);
        const server = createMcpServer({ open, readOnly: options.readOnly === true });
        await server.connect(new StdioServerTransport());
        await untilLeft(signal);
        await server.close();
      });
    });
}

/** The client closes our standard input when it is done. */
async function untilLeft(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.stdin.once("end", resolve);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
}
