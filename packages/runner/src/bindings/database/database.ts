import { type BindingOf, OpenWorkersError } from "@openworkers/core";
import type { Caller } from "../caller.ts";
import type { BindingHandler, BindingPlugin } from "../plugin.ts";
import type { DatabaseGateway } from "./gateway.ts";
import { clientModule, clientParts } from "./inside.ts";

/** `env.DB`: D1's surface over a tenant database, through the gateway. */
export const databasePlugin: BindingPlugin<"database"> = {
  kind: "database",
  configure: () => ({ type: "wrapped", module: clientModule, parts: clientParts }),
  handler: ({ databases }) => new DatabaseHandler(databases),
};

/** All statements of a request and their values, as JSON. */
export const maxQueryBytes = 10 * 2 ** 20;

class DatabaseHandler implements BindingHandler<"database"> {
  readonly #gateway: DatabaseGateway | undefined;

  constructor(gateway: DatabaseGateway | undefined) {
    this.#gateway = gateway;
  }

  async serve(
    request: Request,
    { databaseId }: BindingOf<"database">,
    { target, meter }: Caller,
  ): Promise<Response> {
    if (this.#gateway === undefined) {
      throw new OpenWorkersError("DATABASE_UNAVAILABLE", "This runner was started without a Postgate.");
    }
    const announced = Number(request.headers.get("content-length") ?? Number.POSITIVE_INFINITY);
    // A cell that says it twice says "5, 5", which is no number.
    if (!(announced <= maxQueryBytes)) {
      throw new OpenWorkersError(
        "BODY_TOO_LARGE",
        `A query with its values is longer than ${maxQueryBytes} bytes.`,
      );
    }
    meter.moved(0, announced);
    const response = await this.#gateway.query(databaseId, request, { worker: target.worker });
    const body = await response.bytes();
    meter.moved(body.byteLength, 0);
    // By its length the broker knows a small body, which need not be watched until it is read.
    const headers = { "content-type": "application/json", "content-length": String(body.byteLength) };
    return new Response(body, { status: response.status, headers });
  }
}
