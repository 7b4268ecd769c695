import {
  messageOf,
  OpenWorkersError,
  type Report,
  type UserId,
  type Wire,
  wireHandlers,
} from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { CancelKeys } from "../wire/cancel-keys.ts";
import { type Client, farewell, turnAway } from "../wire/listener/client.ts";
import { greet } from "../wire/listener/greet.ts";
import { ConnectionLost, Intake } from "../wire/protocol/intake.ts";
import { askForPassword, type ServerError } from "../wire/protocol/server-messages.ts";
import { ProtocolViolation } from "../wire/protocol/startup-packet.ts";
import { tell } from "../wire/session.ts";
import { BackendPool, type PoolLimits } from "./backend-pool.ts";
import type { Caller } from "./caller.ts";
import { CallerDirectory } from "./caller-directory.ts";
import { FairPlaces, type PlaceLimits } from "./fair-places.ts";
import { type Face, faces, PlatformRoles } from "./platform-roles.ts";
import { PlatformSession, type SessionParts } from "./platform-session.ts";

export interface PlatformLimits extends PlaceLimits, PoolLimits {
  /** Connections of one cell, those that have not said who they are included. */
  readonly perCell: number;
  readonly handshakeMs: number;
  /** How long a session may last. */
  readonly lifeMs: number;
}

export const defaultPlatformLimits: PlatformLimits = {
  places: 20,
  perCaller: 10,
  waiting: 1_000,
  patienceMs: 5_000,
  warm: 8,
  idleMs: 60_000,
  perCell: 1_024,
  handshakeMs: 10_000,
  lifeMs: 60_000,
};

export interface PlatformFaceOptions {
  /** The platform's, migrated, as the owner of its tables. The caller's. */
  readonly database: Database;
  /** What an operator should read. Never throws. */
  readonly report: Report;
  readonly limits?: Partial<PlatformLimits>;
}

// A key has 46 characters, a session's token fewer.
const maxPasswordBytes = 1_024;

const nothing = Buffer.alloc(0);

/** The user that a client of a face says it is. */
const userOf: Readonly<Record<Face, string>> = { api: "caller", identity: "identity" };

interface Door {
  readonly face: Face;
  readonly clients: Set<Client>;
}

/**
 * PostgreSQL's protocol for the system workers: docs/decisions/018-api.md. On the face `api` whoever connects as `caller`, with a
 * session's token or an API key as password, has one transaction in which policies know whose it is. On the face `identity` the
 * user is `identity`, without a password: the socket is the identity worker's alone. Disposing of it ends all sessions.
 */
export class PlatformFace implements AsyncDisposable {
  readonly #directory: CallerDirectory;
  readonly #roles: PlatformRoles;
  readonly #limits: PlatformLimits;
  readonly #report: Report;
  readonly #pools: Readonly<Record<Face, BackendPool>>;
  readonly #places: Readonly<Record<Face, FairPlaces>>;
  readonly #keys = new CancelKeys<PlatformSession>();
  readonly #sessions = new Set<PlatformSession>();
  readonly #byClient = new WeakMap<Client, PlatformSession>();
  readonly #listeners = new Set<AsyncDisposable>();
  readonly #watching: Disposable;

  private constructor(
    directory: CallerDirectory,
    roles: PlatformRoles,
    limits: PlatformLimits,
    report: Report,
  ) {
    this.#directory = directory;
    this.#roles = roles;
    this.#limits = limits;
    this.#report = report;
    const perFace = <T>(make: (face: Face) => T) =>
      Object.fromEntries(faces.map((face) => [face, make(face)])) as Record<Face, T>;
    this.#pools = perFace((face) => new BackendPool(face, roles, limits, report));
    this.#places = perFace(
      (face) => new FairPlaces(face === "api" ? limits : { ...limits, perCaller: limits.places }),
    );
    this.#watching = directory.onChange((userId) => this.#look(userId));
  }

  /** @throws OpenWorkersError DATABASE_UNAVAILABLE */
  static async open({ database, report, limits }: PlatformFaceOptions): Promise<PlatformFace> {
    const roles = await PlatformRoles.open(database, report);
    const directory = await CallerDirectory.open(database);
    return new PlatformFace(directory, roles, { ...defaultPlatformLimits, ...limits }, report);
  }

  /** Sessions there are, those that wait for their place included. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Who has a credential: for what is not done in SQL. @throws OpenWorkersError UNAUTHORIZED, DATABASE_UNAVAILABLE */
  resolve(credential: string): Promise<Caller> {
    return this.#directory.resolve(credential);
  }

  /** Takes the connections of one cell, on a Unix socket of its own. Disposing of what it returns ends them. */
  listen(face: Face, path: string): AsyncDisposable {
    const door: Door = { face, clients: new Set() };
    const report = (error: unknown) =>
      this.#report("The platform's face met an error.", { face, error: messageOf(error) });
    const server = Bun.listen<Wire>({
      unix: path,
      data: undefined as never,
      socket: {
        ...wireHandlers,
        open: (socket) => {
          const intake = new Intake(report);
          const client: Client = { intake, encrypted: false, address: "" };
          socket.data = intake.wire;
          intake.wire.opened(socket);
          door.clients.add(client);
          void this.#take(client, door, report).finally(() => door.clients.delete(client));
        },
      },
    });
    const listener: AsyncDisposable = {
      [Symbol.asyncDispose]: async () => {
        this.#listeners.delete(listener);
        server.stop();
        await Promise.all(
          [...door.clients].map(async (client) => {
            await this.#byClient.get(client)?.end();
            client.intake.destroy();
          }),
        );
      },
    };
    this.#listeners.add(listener);
    return listener;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watching[Symbol.dispose]();
    await Promise.all([...this.#listeners].map((listener) => listener[Symbol.asyncDispose]()));
    await Promise.all(faces.map((face) => this.#pools[face][Symbol.asyncDispose]()));
    await this.#directory[Symbol.asyncDispose]();
  }

  async #take(client: Client, door: Door, report: (error: unknown) => void): Promise<void> {
    if (door.clients.size > this.#limits.perCell) {
      this.#report("A connection of the API's was turned away: there are too many.", { face: door.face });
      turnAway(client);
      return;
    }
    const deadline = setTimeout(() => client.intake.destroy(), this.#limits.handshakeMs);
    let session: PlatformSession | undefined;
    try {
      session = await this.#admit(client, door, report);
    } catch (thrown) {
      if (!(thrown instanceof ConnectionLost)) await farewell(client, refusal(thrown, report));
    } finally {
      clearTimeout(deadline);
    }
    if (session === undefined) return;
    this.#byClient.set(client, session);
    this.#sessions.add(session);
    // What changed while it was being let in, nobody has told it.
    void session.look();
    await session.run();
    this.#sessions.delete(session);
  }

  async #admit(
    client: Client,
    { face }: Door,
    report: (error: unknown) => void,
  ): Promise<PlatformSession | undefined> {
    const parameters = await greet(client, undefined, this.#keys, report);
    if (parameters === undefined) return undefined;
    if (parameters.get("user") !== userOf[face]) {
      throw new ProtocolViolation(`the user of this face is "${userOf[face]}"`, "28000");
    }
    const { again, unsaid } = await this.#askWho(client, face);
    return new PlatformSession({
      client,
      pool: this.#pools[face],
      places: this.#places[face],
      keys: this.#keys,
      key: this.#roles.key,
      caller: await again(),
      again,
      onWritten: () => this.#directory.forgetAll(),
      unsaid,
      report: this.#report,
      lifeMs: this.#limits.lifeMs,
    });
  }

  async #askWho(client: Client, face: Face): Promise<Pick<SessionParts, "again" | "unsaid">> {
    if (face === "identity") return { again: async () => undefined, unsaid: nothing };
    // Who answers before being asked need not be asked at once.
    const unsaid = client.intake.heldBytes > 0 ? askForPassword : nothing;
    if (unsaid === nothing) client.intake.wire.write(askForPassword);
    const { type, body } = await client.intake.readMessage(maxPasswordBytes);
    if (type !== 0x70 || body.at(-1) !== 0) throw new ProtocolViolation("expected password response");
    const credential = body.subarray(0, -1).toString("utf8");
    return { again: () => this.#directory.resolve(credential), unsaid };
  }

  #look(userId: UserId | undefined): void {
    for (const session of this.#sessions) {
      if (userId === undefined || session.userId === userId) void session.look();
    }
  }
}

function refusal(thrown: unknown, report: (error: unknown) => void): ServerError {
  if (thrown instanceof ProtocolViolation) return { code: thrown.sqlState, message: thrown.message };
  if (!(thrown instanceof OpenWorkersError)) report(thrown);
  return tell(thrown);
}
