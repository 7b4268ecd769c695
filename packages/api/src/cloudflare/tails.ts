import type { LogRecord } from "@openworkers/core";
import { isId, newId, OpenWorkersError } from "@openworkers/core";
import { createNamedLogToken, revokeLogToken } from "@openworkers/db/stores";
import { z } from "zod";
import { PlatformServices } from "../platform/services.ts";
import { notHere, success } from "./envelope.ts";
import { bodyOf, type CloudflareFace, inputOf, workerOf } from "./face.ts";
import { Tracer } from "./trace.ts";

const tails = "/accounts/:account/workers/scripts/:script/tails";
const protocol = "trace-v1";
const tailMs = 3_600_000;

const filterSchema = z.object({
  outcome: z.array(z.string()).optional(),
  method: z.array(z.string()).optional(),
  query: z.string().optional(),
});
const wantedSchema = z
  .object({ filters: z.array(z.record(z.string(), z.unknown())).default([]) })
  .default({ filters: [] });
const ticketSchema = z.object({ worker: z.string(), token: z.string(), filter: filterSchema });

/** A side of a WebSocket as workerd has it. */
interface CellSocket extends WebSocket {
  accept(): void;
}
declare const WebSocketPair: new () => { readonly 0: CellSocket; readonly 1: CellSocket };

/**
 * `wrangler tail`: a token of its own that reads the worker's logs for an hour, in the address of a WebSocket on which each
 * invocation is an event. Whoever deletes the tail revokes the token.
 */
export function tailRoutes(face: CloudflareFace): void {
  face.on("post", tails, async (ask) => {
    const { filters } = await bodyOf(ask, wantedSchema);
    const asked = Object.assign({}, ...filters) as Readonly<Record<string, unknown>>;
    for (const name of Object.keys(asked)) {
      if (!Object.hasOwn(filterSchema.shape, name)) notHere(`Tails by ${name}`);
    }
    const filter = inputOf(filterSchema, asked);
    const id = newId<"log-token">();
    const expiresAt = new Date(Date.now() + tailMs);
    return ask.call.together(async (scope) => {
      const worker = await workerOf(scope, ask, "read", "logs");
      const made = { worker: worker.name, name: nameOf(id), expiresAt, by: scope.caller };
      const token = await createNamedLogToken(scope.database, made);
      const ticket = Buffer.from(JSON.stringify({ worker: worker.id, token, filter })).toString("base64url");
      const url = `${ask.call.env.BASE_URL.replace(/^http/, "ws")}/client/v4/tails/${ticket}`;
      return success({ id, url, expires_at: expiresAt.toISOString() });
    });
  });

  face.on("delete", `${tails}/:tail`, async (ask) =>
    ask.call.together(async (scope) => {
      const worker = await workerOf(scope, ask, "read", "logs");
      const name = nameOf(ask.param("tail"));
      await revokeLogToken(scope.database, { worker: worker.name, name, by: scope.caller });
      return success({ id: ask.param("tail") });
    }),
  );

  // Clients authenticate here with the address alone.
  face.app.get("/tails/:ticket", async (context) => {
    if (context.req.header("upgrade")?.toLowerCase() !== "websocket") {
      throw new OpenWorkersError("INVALID_INPUT", "A tail is a WebSocket.");
    }
    const { worker, token, filter } = ticketOf(context.req.param("ticket"));
    const ended = new AbortController();
    const logs = await new PlatformServices(context.env.PLATFORM).ask(`/logs/workers/${worker}/logs`, {
      headers: { "x-log-token": token },
      signal: ended.signal,
    });
    if (logs.body === null) throw new OpenWorkersError("INTERNAL", "The logs service sent no stream.");
    const { 0: client, 1: server } = new WebSocketPair();
    server.accept();
    server.addEventListener("close", () => ended.abort());
    server.addEventListener("error", () => ended.abort());
    void forward(logs.body, server, new Tracer(filter), ended.signal);
    const init = { status: 101, webSocket: client, headers: { "sec-websocket-protocol": protocol } };
    return new Response(null, init);
  });
}

function nameOf(tail: string): string {
  return `tail ${tail}`;
}

/** @throws OpenWorkersError UNAUTHORIZED */
function ticketOf(text: string): z.output<typeof ticketSchema> {
  try {
    const ticket = ticketSchema.parse(JSON.parse(Buffer.from(text, "base64url").toString()));
    if (isId<"worker">(ticket.worker)) return ticket;
  } catch (cause) {
    throw new OpenWorkersError("UNAUTHORIZED", "This is the address of no tail.", { cause });
  }
  throw new OpenWorkersError("UNAUTHORIZED", "This is the address of no tail.");
}

/** Sends the events of a stream of log records (packages/logs, server-sent events) until either side ends. */
async function forward(
  body: ReadableStream<Uint8Array>,
  socket: CellSocket,
  tracer: Tracer,
  ended: AbortSignal,
): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of body) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const record of blocks.flatMap(recordOf)) {
        const event = tracer.take(record);
        if (event !== undefined) socket.send(JSON.stringify(event));
      }
    }
    socket.close(1001, "The stream of logs has ended.");
  } catch (thrown) {
    // What broke because the client went is nobody's fault.
    if (ended.aborted) return;
    console.error("a tail broke:", thrown);
    socket.close(1011, "The stream of logs broke.");
  }
}

function recordOf(block: string): LogRecord[] {
  const lines = block.split("\n");
  if (lines.some((line) => line.startsWith("event: "))) return [];
  const data = lines.find((line) => line.startsWith("data: "))?.slice(6);
  return data === undefined ? [] : [JSON.parse(data) as LogRecord];
}
