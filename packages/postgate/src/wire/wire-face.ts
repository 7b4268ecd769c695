import {
  type DatabaseId,
  messageOf,
  OpenWorkersError,
  type Wire,
  wireHandlers,
  within,
} from "@openworkers/core";
import type { SocketHandler } from "bun";
import { listenFailure } from "../listen-failure.ts";
import type { Principal } from "../tenant.ts";
import { CancelKeys } from "./cancel-keys.ts";
import { askWho, type Door } from "./listener/admission.ts";
import type { Certificate } from "./listener/certificate.ts";
import { type Client, farewell, turnAway } from "./listener/client.ts";
import { Doorkeeper, defaultDoorLimits } from "./listener/doorkeeper.ts";
import { greet } from "./listener/greet.ts";
import { LoginThrottle } from "./listener/login-throttle.ts";
import { ConnectionLost, Intake } from "./protocol/intake.ts";
import type { ServerError } from "./protocol/server-messages.ts";
import { ProtocolViolation } from "./protocol/startup-packet.ts";
import { startupSettings } from "./protocol/startup-settings.ts";
import { Session, tell } from "./session.ts";
import type { WireLimits, WireOptions } from "./wire-options.ts";

export const defaultWireLimits: WireLimits = {
  ...defaultDoorLimits,
  idleMs: 10 * 60_000,
  handshakeMs: 10_000,
  lookMs: 15_000,
  perCell: 256,
};

export type WireFaceOptions = Omit<WireOptions, "limits"> & { readonly limits?: Partial<WireLimits> };

export interface ListenOptions {
  readonly hostname: string;
  /** 0 for one that is free. */
  readonly port: number;
  /** Without it there is no TLS, and tokens are taken from this machine alone. */
  readonly certificate?: Certificate;
}

export interface WireListener extends AsyncDisposable {
  readonly port: number;
}

interface Listener extends AsyncDisposable {
  /** Takes nobody any more; those who are there stay. */
  readonly stop: () => void;
}

const shutDown: ServerError = { code: "57P01", message: "the connection is being shut down" };
const checkMs = 1_000;
const keepAliveMs = 30_000;

/**
 * PostgreSQL's wire protocol for people, tools and workers. Postgate speaks it itself until a session stands, then it
 * passes bytes on. Disposing of it ends all sessions.
 */
export class WireFace implements AsyncDisposable {
  readonly #options: WireOptions;
  readonly #doorkeeper: Doorkeeper;
  readonly #throttle = new LoginThrottle();
  readonly #keys = new CancelKeys<Session>();
  readonly #sessions = new Set<Session>();
  readonly #byClient = new WeakMap<Client, Session>();
  readonly #listeners = new Set<Listener>();
  readonly #watching: Disposable;
  readonly #timer: ReturnType<typeof setInterval>;
  #lookedMs = performance.now();
  #draining = false;

  constructor(options: WireFaceOptions) {
    this.#options = { ...options, limits: { ...defaultWireLimits, ...options.limits } };
    this.#doorkeeper = new Doorkeeper(this.#options.limits);
    this.#watching = options.directory.onChange((id) => this.#look(id));
    this.#timer = setInterval(() => this.#check(performance.now()), checkMs);
  }

  /** Sessions there are, those that wait for their place included. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /**
   * Takes clients that show a token as their password. Cleartext passwords are asked for with TLS and from this
   * machine only.
   *
   * @throws OpenWorkersError PORT_IN_USE, CONFIG_INVALID (an address or a port that it may not have)
   */
  listen({ hostname, port, certificate }: ListenOptions): WireListener {
    const door: Door = { kind: "token", directory: this.#options.directory, throttle: this.#throttle };
    const clients = new Set<Client>();
    try {
      const server = Bun.listen<Wire>({
        hostname,
        port,
        socket: this.#handlers(door, certificate, clients),
        data: undefined as never,
      });
      return Object.assign(
        this.#listener(() => server.stop(), clients),
        { port: server.port },
      );
    } catch (thrown) {
      throw listenFailure(thrown, hostname, port, "OW_POSTGATE_PORT");
    }
  }

  /** Takes the connections of one cell, on a Unix socket of its own: who connects to it is the worker. */
  listenFor(databaseId: DatabaseId, path: string, { worker }: { readonly worker: string }): AsyncDisposable {
    const door: Door = { kind: "worker", directory: this.#options.directory, databaseId, worker };
    const clients = new Set<Client>();
    const server = Bun.listen<Wire>({
      unix: path,
      socket: this.#handlers(door, undefined, clients),
      data: undefined as never,
    });
    return this.#listener(() => server.stop(), clients);
  }

  /**
   * Takes no further clients, and resolves when there are no sessions: each ends as soon as it is in no transaction, and all
   * after `patienceMs`.
   */
  async drain(patienceMs: number): Promise<void> {
    this.#draining = true;
    for (const listener of this.#listeners) listener.stop();
    const sessions = [...this.#sessions];
    await within(Promise.all(sessions.map((session) => session.drain())), patienceMs);
    await Promise.all(sessions.map((session) => session.end(shutDown)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#watching[Symbol.dispose]();
    await Promise.all([...this.#listeners].map((listener) => listener[Symbol.asyncDispose]()));
  }

  #listener(stop: () => void, clients: Set<Client>): Listener {
    const listener: Listener = {
      stop,
      [Symbol.asyncDispose]: async () => {
        this.#listeners.delete(listener);
        stop();
        await Promise.all(
          [...clients].map(async (client) => {
            const session = this.#byClient.get(client);
            if (session === undefined) client.intake.destroy();
            else await session.end(shutDown);
          }),
        );
      },
    };
    this.#listeners.add(listener);
    return listener;
  }

  #handlers(door: Door, certificate: Certificate | undefined, clients: Set<Client>): SocketHandler<Wire> {
    const report = (error: unknown) =>
      this.#options.report("The wire face met an error.", { error: messageOf(error) });
    return {
      ...wireHandlers,
      open: (socket) => {
        const intake = new Intake(report);
        const client: Client = {
          intake,
          encrypted: false,
          address: door.kind === "token" ? socket.remoteAddress : "",
        };
        socket.data = intake.wire;
        intake.wire.opened(socket);
        if (door.kind === "token") intake.wire.keepAlive(keepAliveMs);
        clients.add(client);
        void this.#take(client, door, certificate, clients.size, report).finally(() =>
          clients.delete(client),
        );
      },
    };
  }

  async #take(
    client: Client,
    door: Door,
    certificate: Certificate | undefined,
    count: number,
    report: (error: unknown) => void,
  ): Promise<void> {
    const { limits } = this.#options;
    const place = door.kind === "token" ? this.#doorkeeper.enter(client.address) : undefined;
    if (door.kind === "token" ? place === undefined : count > limits.perCell) {
      const stranger = door.kind === "token" ? { address: client.address } : { worker: door.worker };
      this.#options.report("A connection was turned away: there are too many.", stranger);
      turnAway(client);
      return;
    }
    const deadline = setTimeout(() => client.intake.destroy(), limits.handshakeMs);
    let session: Session | undefined;
    try {
      session = await this.#admit(client, door, certificate, report);
    } catch (thrown) {
      // Who has been refused keeps its place at the door until it has gone.
      if (!(thrown instanceof ConnectionLost)) await farewell(client, this.#refusal(thrown, client, report));
    } finally {
      clearTimeout(deadline);
      place?.[Symbol.dispose]();
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
    door: Door,
    certificate: Certificate | undefined,
    report: (error: unknown) => void,
  ): Promise<Session | undefined> {
    const parameters = await greet(client, certificate, this.#keys, report);
    if (parameters === undefined) return undefined;
    const settings = startupSettings(parameters);
    const again = await askWho(client, door);
    const principal: Principal = await again();
    if (this.#draining) {
      throw new OpenWorkersError("DATABASE_UNAVAILABLE", "The database service is stopping.");
    }
    return new Session({ options: this.#options, keys: this.#keys, client, principal, again, settings });
  }

  #refusal(thrown: unknown, { address }: Client, report: (error: unknown) => void): ServerError {
    if (thrown instanceof ProtocolViolation) {
      this.#options.report("A client was refused before its login.", { address, sqlstate: thrown.sqlState });
      return { code: thrown.sqlState, message: thrown.message };
    }
    const reason = tell(thrown);
    if (reason.code === "XX000") report(thrown);
    if (reason.code === "28P01") this.#options.report("A token was refused.", { address });
    return reason;
  }

  #look(id: DatabaseId | undefined): void {
    for (const session of this.#sessions)
      if (id === undefined || session.tenant.id === id) void session.look();
  }

  #check(now: number): void {
    for (const session of this.#sessions) session.check(now);
    if (now - this.#lookedMs < this.#options.limits.lookMs) return;
    this.#lookedMs = now;
    this.#look(undefined);
  }
}
