import type { Address } from "@openworkers/db";
import { isNoLogin } from "../../tenant-troubles.ts";
import type { ServerError } from "../protocol/server-messages.ts";

/** PostgreSQL's ErrorResponse to a login. Its words are for the operator: they may name roles and addresses. */
export class BackendRefusal extends Error {
  override readonly name = "BackendRefusal";
  readonly fields: ReadonlyMap<string, string>;

  /** @param body of the ErrorResponse */
  constructor(body: Buffer) {
    const fields = new Map<string, string>();
    for (const field of body.toString("utf8").split("\0")) {
      if (field !== "") fields.set(field.slice(0, 1), field.slice(1));
    }
    super(fields.get("M") ?? "refused");
    this.fields = fields;
  }

  /** SQLSTATE. */
  get code(): string {
    return this.fields.get("C") ?? "08006";
  }

  /** Whether the role is one that may not log in: as those of a tenant that is suspended. */
  get isNoLogin(): boolean {
    return isNoLogin({ code: this.code, routine: this.fields.get("R") });
  }
}

const words: Readonly<Record<string, string>> = {
  "28P01": "the database does not accept the login that is kept for it",
  "28000": "the database does not accept the login that is kept for it",
  "3D000": "the database is not on its server",
  "42501": "permission denied to set a parameter at connection start",
  "53300": "the database has as many connections as it may have",
  "57P03": "the database server is starting up or shutting down",
};

/** What a client is told of a login that failed: nothing of roles, databases' inner names and addresses. */
export function clientError(thrown: unknown, address: Address): ServerError {
  if (!(thrown instanceof BackendRefusal)) {
    return { code: "08006", message: "the database cannot be reached", hint: "Try again in a moment." };
  }
  const { code, message } = thrown;
  const inner = [address.user, address.database, address.host].some((name) => message.includes(name));
  // Class 22 and 42704: a setting that the client asked for, in PostgreSQL's words.
  const own = (code.startsWith("22") || code === "42704" || code === "42501") && !inner;
  return { code, message: own ? message : (words[code] ?? "the database refused the connection") };
}
