import type { Address } from "@openworkers/db";
import { continueSession, finalizeSession, startSession } from "pg/lib/crypto/sasl";
import { postgresMd5PasswordHash } from "pg/lib/crypto/utils";
import { serialize } from "pg-protocol";
import { Writer } from "pg-protocol/dist/buffer-writer";
import type { Intake, Message } from "../protocol/intake.ts";
import { BackendRefusal } from "./refusal.ts";

/** What PostgreSQL said until it was ready. */
export interface Login {
  /** ParameterStatus and notices, as they came. */
  readonly greeting: Buffer;
  /** Process id and secret, for CancelRequest. Never leaves Postgate. */
  readonly key: Buffer;
}

// Far more than any of the messages of a login.
const maxMessageBytes = 64 * 1024;
const maxGreetingBytes = 256 * 1024;

/**
 * Begins a session: start-up packet, authentication, and everything until ReadyForQuery.
 *
 * @throws BackendRefusal with PostgreSQL's own words; Error for what is not PostgreSQL
 */
export async function login(
  intake: Intake,
  address: Address,
  settings: Readonly<Record<string, string>>,
): Promise<Login> {
  intake.wire.write(startup({ ...settings, user: address.user, database: address.database }));
  const greeting: Buffer[] = [];
  let greetingBytes = 0;
  const authentication = new Authentication(intake, address);
  let key: Buffer = Buffer.alloc(8);
  for (;;) {
    const message = await intake.readMessage(maxMessageBytes);
    switch (String.fromCharCode(message.type)) {
      case "R":
        await authentication.answer(message);
        break;
      case "S":
      case "N":
        if (!authentication.done) throw new Error("the server spoke before it knew whom with");
        greeting.push(message.bytes);
        greetingBytes += message.bytes.length;
        if (greetingBytes > maxGreetingBytes)
          throw new Error("the server does not come to an end with its greeting");
        break;
      case "K":
        key = message.body;
        break;
      case "E":
        throw new BackendRefusal(message.body);
      case "Z":
        if (!authentication.done) throw new Error("the server let us in without authentication");
        return { greeting: Buffer.concat(greeting), key };
      // NegotiateProtocolVersion: we asked for the oldest there is.
      case "v":
        break;
      default:
        throw new Error(`the server sent a message of type ${message.type} during the login`);
    }
  }
}

function startup(parameters: Readonly<Record<string, string>>): Buffer {
  const writer = new Writer().addInt16(3).addInt16(0);
  for (const [name, value] of Object.entries(parameters)) writer.addCString(name).addCString(value);
  const body = writer.addCString("").flush();
  return new Writer()
    .addInt32(body.length + 4)
    .add(body)
    .flush();
}

class Authentication {
  readonly #intake: Intake;
  readonly #address: Address;
  #sasl: ReturnType<typeof startSession> | undefined;
  #proven = true;
  done = false;

  constructor(intake: Intake, address: Address) {
    this.#intake = intake;
    this.#address = address;
  }

  async answer({ body }: Message): Promise<void> {
    const rest = body.subarray(4);
    switch (body.readUInt32BE(0)) {
      case 0:
        if (!this.#proven) throw new Error("the server did not prove that it knows the password");
        this.done = true;
        return;
      case 3:
        if (!this.#private) throw new Error("the server asks for the password in the clear, without TLS");
        return this.#send(serialize.password(this.#password));
      case 5:
        return this.#send(
          serialize.password(await postgresMd5PasswordHash(this.#address.user, this.#password, rest)),
        );
      case 10: {
        const mechanisms = rest.toString("latin1").split("\0").filter(Boolean);
        this.#sasl = startSession(mechanisms);
        this.#proven = false;
        const { mechanism, response } = this.#sasl;
        return this.#send(serialize.sendSASLInitialResponseMessage(mechanism, response));
      }
      case 11:
        if (this.#sasl === undefined) break;
        await continueSession(this.#sasl, this.#password, rest.toString("utf8"));
        return this.#send(serialize.sendSCRAMClientFinalMessage(this.#sasl.response));
      case 12:
        if (this.#sasl === undefined) break;
        finalizeSession(this.#sasl, rest.toString("utf8"));
        this.#proven = true;
        return;
    }
    throw new Error(
      `the server asks for an authentication (${body.readUInt32BE(0)}) that is not spoken here`,
    );
  }

  get #password(): string {
    if (this.#address.password === undefined)
      throw new Error("the server asks for a password, and none is known");
    return this.#address.password;
  }

  get #private(): boolean {
    const { tls, host, ip = host } = this.#address;
    // What stays on this machine passes nobody.
    const stays = host.startsWith("/") || ip === "localhost" || ip === "::1" || /^127(\.\d+){3}$/.test(ip);
    return tls !== "disable" || stays;
  }

  #send(bytes: Buffer): void {
    this.#intake.wire.write(bytes);
  }
}
