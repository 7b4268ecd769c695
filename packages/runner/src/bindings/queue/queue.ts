import type { Bus } from "@openworkers/bus";
import {
  encodePayload,
  isOpenWorkersError,
  newId,
  OpenWorkersError,
  type QueueId,
  type QueueMessage,
  queueBusId,
  queueSubject,
} from "@openworkers/core";
import { type DatabaseAccess, delayMessages } from "@openworkers/db";
import type { Caller } from "../caller.ts";
import type { BindingHandler, BindingPlugin, BindingServices } from "../plugin.ts";
import type { DatabaseShares } from "../shares/database-shares.ts";
import { jsonResponse, wholeResponse } from "../whole-response.ts";
import { type NewMessage, readBatch, readMessage } from "./messages.ts";
import { QueueRoom } from "./queue-room.ts";

/** `env.QUEUE`: workerd's own client, which posts to `/message` and `/batch` and gets `/metrics`. */
export const queuePlugin: BindingPlugin<"queue"> = {
  kind: "queue",
  configure: () => ({ type: "queue" }),
  handler: (services) => new QueueHandler(services),
};

interface Binding {
  readonly queueId: QueueId;
  readonly deliveryDelay?: number | undefined;
}

interface Destination {
  readonly bus: Bus;
  readonly room: QueueRoom;
}

class QueueHandler implements BindingHandler<"queue"> {
  readonly #to: Destination | undefined;
  readonly #shares: DatabaseShares;
  readonly #report: BindingServices["report"];

  constructor({ bus, shares, report }: BindingServices) {
    this.#to = bus && { bus, room: new QueueRoom(bus, shares.shared) };
    this.#shares = shares;
    this.#report = report;
  }

  async serve(request: Request, binding: Binding, caller: Caller): Promise<Response> {
    try {
      return await this.#answer(request, binding, caller);
    } catch (thrown) {
      // What the client of the worker throws is made of these headers: the message, and a code in brackets.
      if (!isOpenWorkersError(thrown)) throw thrown;
      const isTheirs = thrown.fault === "user" || thrown.fault === "worker" || thrown.code === "OVERLOADED";
      if (!isTheirs) this.#report("A queue could not be sent to.", { error: thrown, ...binding });
      const cause = isTheirs ? thrown.message : "The platform cannot store messages at the moment";
      return wholeResponse(
        Buffer.from(cause),
        { "cf-queues-error-code": thrown.code, "cf-queues-error-cause": cause },
        thrown.code === "OVERLOADED" ? 429 : thrown.status,
      );
    }
  }

  async #answer(request: Request, binding: Binding, caller: Caller): Promise<Response> {
    const { pathname } = new URL(request.url);
    const to = this.#to;
    if (to === undefined) throw new OpenWorkersError("BUS_UNAVAILABLE", "This runner has no bus.");
    const { queueId } = binding;
    switch (`${request.method} ${pathname}`) {
      case "POST /message":
        await this.#send(to, [await readMessage(request, caller.meter)], binding, caller, request.signal);
        return await this.#sent(to, queueId);
      case "POST /batch":
        await this.#send(to, await readBatch(request, caller.meter), binding, caller, request.signal);
        return await this.#sent(to, queueId);
      case "GET /metrics":
        return jsonResponse(await this.#metrics(to, queueId));
    }
    throw new OpenWorkersError("INVALID_INPUT", "Queues have no such operation.");
  }

  /** What was stored must not be sent again because its queue could not be counted: that is NaN then. */
  async #sent(to: Destination, queueId: QueueId): Promise<Response> {
    const metrics = await this.#metrics(to, queueId).catch((error: unknown) => {
      this.#report("A queue could not be counted.", { error, queueId });
      return {};
    });
    return jsonResponse({ metadata: { metrics } });
  }

  /**
   * Those that can be delivered: a send that needs nothing of the database waits for nothing of it. The bus does not know
   * how many bytes they have, so that `backlogBytes` is NaN in the worker.
   */
  async #metrics({ room }: Destination, queueId: QueueId): Promise<{ backlogCount: number }> {
    return { backlogCount: await room.backlog(queueId) };
  }

  /** Resolves when all of it is stored. When it fails, some of a batch may be. */
  async #send(
    { bus, room }: Destination,
    messages: readonly NewMessage[],
    { queueId, deliveryDelay = 0 }: Binding,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<void> {
    const sentAt = Date.now();
    const sent = messages.map(({ delaySeconds = deliveryDelay, ...message }) => ({
      ...message,
      delaySeconds,
      queueId,
      id: newId<"queue-message">(),
      attempts: 0,
      sentAt,
    }));
    const delayed = sent.filter(({ delaySeconds }) => delaySeconds > 0);
    const immediate = sent.filter(({ delaySeconds }) => delaySeconds === 0);
    if (delayed.length > 0) {
      await room.toDelay(queueId, delayed.map(sizeOf));
      const database: DatabaseAccess = this.#shares.of(caller.target.workerId, signal);
      await delayMessages(database, delayed);
    }
    if (immediate.length === 0) return;
    await room.toPublish(queueId, immediate.map(sizeOf));
    await Promise.all(
      immediate.map(({ delaySeconds: _, body, ...rest }) => {
        const message: QueueMessage = { v: 1, ...rest, body: Buffer.from(body).toString("base64") };
        return bus.publish(queueSubject(queueId), encodePayload(message), { id: queueBusId(message) });
      }),
    );
  }
}

const sizeOf = ({ body }: { readonly body: Uint8Array }) => body.byteLength;
