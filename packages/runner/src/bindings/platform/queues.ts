import { createHash } from "node:crypto";
import { type Bus, countQueues, QueueStreamRoom, type StoredMessage } from "@openworkers/bus";
import {
  decodePayload,
  encodePayload,
  isId,
  isOpenWorkersError,
  OpenWorkersError,
  type QueueId,
  type QueueMessage,
  type QueueMessageId,
  queueBusId,
  queueMessageSchema,
  queueSubject,
  streams,
  type UserId,
} from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { z } from "zod";
import { mustBeAllowed, notFound, parseId } from "./access.ts";
import type { PlatformAction, PlatformCaller } from "./gateway.ts";
import { readBody } from "./read-body.ts";

/** Queues that are counted, and messages that are read or sent again, with one request. */
const most = { counted: 1_000, read: 100, replayed: 100 } as const;
const maxRequestBytes = 2 ** 17;

const position = z.coerce.number().int().min(0);
const pageSchema = z.object({
  after: position.default(0),
  limit: z.coerce.number().int().min(1).max(most.read).default(20),
});
const queueId = z.custom<QueueId>((value) => isId<"queue">(value));
const countsSchema = z.array(queueId).max(most.counted);
const replaySchema = z.strictObject({
  to: queueId,
  /** The oldest ones without. */
  positions: z.array(position).max(most.replayed).optional(),
});

/** A message of a queue as it lies on the bus. */
export interface ShownMessage {
  /** On the bus: it names the message for as long as it lies there. */
  readonly position: number;
  readonly id: string;
  /** Unix milliseconds. */
  readonly sentAt: number;
  /** Deliveries that have failed. */
  readonly attempts: number;
  readonly contentType: QueueMessage["contentType"];
  /** Base64. */
  readonly body: string;
}

/** What callers ask of their queues' messages on the bus. */
export class QueueMessages {
  readonly #database: Database;
  readonly #bus: Bus | undefined;
  readonly #room: QueueStreamRoom | undefined;

  constructor(database: Database, bus: Bus | undefined) {
    this.#database = database;
    this.#bus = bus;
    this.#room = bus === undefined ? undefined : new QueueStreamRoom(bus);
  }

  /**
   * `POST /queues/counts` with ids: the messages of each on the bus. `GET /queues/<id>/messages?after=&limit=`: the oldest
   * after a position. `DELETE /queues/<id>/messages/<position>`: removes one. `POST /queues/<id>/replay`: sends messages to
   * another queue of the same owner as new ones, at most 100 of them.
   *
   * @throws OpenWorkersError NOT_FOUND, FORBIDDEN, INVALID_INPUT, BUS_UNAVAILABLE, OVERLOADED when there is no bus, or no room
   */
  async answer(request: Request, path: readonly string[], caller: PlatformCaller): Promise<Response> {
    const [first = "", part = "", at = ""] = path;
    if (request.method === "POST" && first === "counts") return await this.#counts(request, caller);
    const { method } = request;
    if (part === "messages" && method === "GET" && at === "") return await this.#list(request, first, caller);
    if (part === "messages" && method === "DELETE") return await this.#remove(first, at, caller);
    if (part === "replay" && method === "POST") return await this.#replay(request, first, caller);
    throw notFound("service");
  }

  async #counts(request: Request, caller: PlatformCaller): Promise<Response> {
    const ids = await bodyOf(request, countsSchema);
    const owners = await this.#owners(ids);
    // One question per account, however many queues it has.
    const allowed = new Map<UserId, Promise<boolean>>();
    for (const id of ids) {
      const owner = owners.get(id);
      if (owner === undefined) throw notFound("queue");
      if (!allowed.has(owner)) allowed.set(owner, caller.may(owner, "queues", "read"));
      if (!(await allowed.get(owner))) throw notFound("queue");
    }
    // Nobody can say without a bus, and that is no failure: `ow api serve` has none.
    const counts = this.#bus === undefined ? new Map() : await countQueues(this.#bus, ids);
    return Response.json(Object.fromEntries(counts));
  }

  async #list(request: Request, id: string, caller: PlatformCaller): Promise<Response> {
    const { queue } = await this.#allowed(id, "read", caller);
    const page = pageSchema.safeParse(Object.fromEntries(new URL(request.url).searchParams));
    if (!page.success) throw badInput(page.error);
    const stored = await this.#read(queue, page.data.after, page.data.limit);
    return Response.json({ items: stored.map(shown) });
  }

  async #remove(id: string, at: string, caller: PlatformCaller): Promise<Response> {
    const { queue } = await this.#allowed(id, "write", caller);
    const found = await this.#at(queue, position.catch(0).parse(at));
    if (found === undefined || !(await this.#bound().remove(streams.queues.name, found.seq)))
      throw notFound("message");
    return new Response(null, { status: 204 });
  }

  async #replay(request: Request, id: string, caller: PlatformCaller): Promise<Response> {
    const from = await this.#allowed(id, "write", caller);
    const { to: wanted, positions } = await bodyOf(request, replaySchema);
    const to = await this.#allowed(wanted, "write", caller);
    if (to.owner !== from.owner || to.queue === from.queue) {
      throw new OpenWorkersError(
        "INVALID_INPUT",
        "Messages are sent again to another queue of the same owner.",
      );
    }
    const messages =
      positions === undefined
        ? await this.#read(from.queue, 0, most.replayed)
        : (await Promise.all(positions.map((at) => this.#at(from.queue, at)))).filter(
            (each) => each !== undefined,
          );
    let replayed = 0;
    for (const message of messages) {
      await this.#sendAgain(message, to.queue);
      replayed += 1;
    }
    return Response.json({ replayed, left: await this.#left(from.queue) });
  }

  /** Stored there before it is gone here; what is stored twice, because that was not known, is stored once by its id. */
  async #sendAgain(stored: StoredMessage, to: QueueId): Promise<void> {
    const bus = this.#bound();
    const message = decodePayload(queueMessageSchema, stored.payload);
    const again = { ...message, id: replayedId(message, to), queueId: to, attempts: 0 };
    await this.#room?.toPublish(to, [Buffer.byteLength(message.body, "base64")]);
    await bus.publish(queueSubject(to), encodePayload(again), { id: queueBusId(again) });
    await bus.remove(streams.queues.name, stored.seq);
  }

  async #at(queue: QueueId, at: number): Promise<StoredMessage | undefined> {
    if (at < 1) return undefined;
    const [found] = await this.#read(queue, at - 1, 1);
    return found?.seq === at ? found : undefined;
  }

  async #read(queue: QueueId, after: number, limit: number): Promise<StoredMessage[]> {
    return await this.#bound()
      .read(streams.queues.name, queueSubject(queue), { after, limit })
      .catch(orNone([]));
  }

  async #left(queue: QueueId): Promise<number> {
    return await this.#bound().stored(streams.queues.name, queueSubject(queue)).catch(orNone(0));
  }

  async #allowed(id: string, action: PlatformAction, caller: PlatformCaller) {
    const queue = parseId<"queue">(id, "queue");
    const owner = (await this.#owners([queue])).get(queue);
    if (owner === undefined) throw notFound("queue");
    await mustBeAllowed(caller, owner, "queues", action, "queue");
    return { queue, owner };
  }

  async #owners(ids: readonly QueueId[]): Promise<ReadonlyMap<QueueId, UserId>> {
    if (ids.length === 0) return new Map();
    const rows = await this.#database.read((queries) =>
      queries.selectFrom("queues").select(["id", "owner_id"]).where("id", "in", ids).execute(),
    );
    return new Map(rows.map((row) => [row.id, row.owner_id]));
  }

  #bound(): Bus {
    if (this.#bus !== undefined) return this.#bus;
    throw new OpenWorkersError("OVERLOADED", "This process has no bus, where messages lie.");
  }
}

function shown({ seq, id, time, payload }: StoredMessage): ShownMessage {
  try {
    const message = decodePayload(queueMessageSchema, payload);
    const { sentAt, attempts, contentType, body } = message;
    return { position: seq, id: message.id, sentAt, attempts, contentType, body };
  } catch (thrown) {
    if (!isOpenWorkersError(thrown, "INVALID_INPUT")) throw thrown;
    // Another release's: its bytes are shown as they are.
    return { position: seq, id, sentAt: time, attempts: 0, contentType: "bytes", body: payload.toBase64() };
  }
}

/**
 * What is sent again is a new message, whose attempts are counted anew: ids on the bus must not take it for the old one. It is
 * always the same one of a message, so that it is stored once however often that is tried.
 */
function replayedId(
  { queueId: from, id }: Pick<QueueMessage, "queueId" | "id">,
  to: QueueId,
): QueueMessageId {
  const hash = createHash("sha256").update(`replay ${from} ${id} ${to}`).digest("hex");
  // UUID version 8 (RFC 9562, 5.8): made as we like.
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}` as QueueMessageId;
}

/** Before anybody has made the stream there is nothing in it. */
function orNone<None>(none: None): (thrown: unknown) => None {
  return (thrown) => {
    if (isOpenWorkersError(thrown, "NOT_FOUND")) return none;
    throw thrown;
  };
}

async function bodyOf<Schema extends z.ZodType>(request: Request, schema: Schema): Promise<z.output<Schema>> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(await readBody(request, maxRequestBytes)));
  } catch (cause) {
    if (isOpenWorkersError(cause)) throw cause;
    throw new OpenWorkersError("INVALID_INPUT", "The body is not JSON.", { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw badInput(parsed.error);
}

function badInput(error: z.ZodError): OpenWorkersError {
  const issues = error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
  return new OpenWorkersError("INVALID_INPUT", "The request is not as it should be.", {
    details: { issues },
  });
}
