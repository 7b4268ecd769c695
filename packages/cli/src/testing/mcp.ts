import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { type OwHome, program } from "./ow.ts";

const failureSchema = z.object({
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }),
});

/** `ow mcp` as a client that speaks the protocol sees it. */
export class McpSession implements AsyncDisposable {
  readonly client: Client;

  private constructor(client: Client) {
    this.client = client;
  }

  /** Starts `ow mcp` as a child process and shakes hands with it. */
  static async start(home: OwHome, args: readonly string[] = []): Promise<McpSession> {
    const client = new Client({ name: "test", version: "1" });
    await client.connect(
      new StdioClientTransport({
        command: program,
        args: ["mcp", ...args],
        env: home.environment(),
        cwd: home.folder.path,
        stderr: "inherit",
      }),
    );
    return new McpSession(client);
  }

  /** What a tool that succeeds answers. */
  async call<T = Record<string, unknown>>(name: string, input: Record<string, unknown> = {}): Promise<T> {
    const { isError, text, structuredContent } = await this.#call(name, input);
    if (isError) throw new Error(`${name} failed: ${text}`);
    return structuredContent as T;
  }

  /** The error that a tool answers with. */
  async failure(name: string, input: Record<string, unknown> = {}) {
    const { isError, text } = await this.#call(name, input);
    if (!isError) throw new Error(`${name} did not fail: ${text}`);
    return failureSchema.parse(JSON.parse(text)).error;
  }

  /** What is said of arguments that the tool does not take. */
  async refusal(name: string, input: Record<string, unknown>): Promise<string> {
    const { isError, text } = await this.#call(name, input);
    if (!isError) throw new Error(`${name} took ${JSON.stringify(input)}: ${text}`);
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }

  async #call(name: string, input: Record<string, unknown>) {
    const result = CallToolResultSchema.parse(await this.client.callTool({ name, arguments: input }));
    const [content] = result.content;
    return { ...result, text: content?.type === "text" ? content.text : "" };
  }
}
