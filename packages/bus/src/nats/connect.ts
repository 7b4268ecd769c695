import { readFileSync } from "node:fs";
import { jetstreamManager } from "@nats-io/jetstream";
import {
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
} from "@nats-io/transport-node";
import { messageOf, OpenWorkersError, type Report } from "@openworkers/core";
import type { Bus } from "../bus.ts";
import { explain, isTransient } from "./faults.ts";
import { NatsBus } from "./nats-bus.ts";

/** How to reach a NATS server or cluster, and as whom. */
export interface NatsOptions {
  /** `host:port`, `nats://host:port` or `tls://host:port` of one or more nodes; the others are found through them. */
  readonly servers: readonly string[];
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Seed of an nkey (`SU…`): the server asks for a signature and never learns it. */
  readonly nkeySeed?: string;
  /** Path of a file with a JWT and an nkey, as `nsc` writes it. */
  readonly credentialsFile?: string;
  /** Paths of PEM files. With any of them the connection has to be encrypted. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  /** What the server calls the connection in its logs and monitoring. */
  readonly name?: string;
  /** Replicas of each stream and durable consumer: 1 without a cluster, 3 or 5 with one. */
  readonly replicas?: number;
  /** Begins the subjects that answers come on; a server's permissions name it. `_INBOX` when absent. */
  readonly inboxPrefix?: string;
  /** How long to wait for a server to be there: 10 seconds when absent; `Infinity` until `signal` aborts. */
  readonly connectMs?: number;
  /** Ends the wait for a server, and nothing later. */
  readonly signal?: AbortSignal | undefined;
  readonly report: Report;
}

/** What another process needs in order to reach the same server as the same user. */
export type NatsConnectionOptions = Omit<NatsOptions, "name" | "report">;
/** Services of one platform start together, and NATS among them: who waits no longer than this says nothing. */
const sayAfterMs = 2_000;
const sayEveryMs = 60_000;

/**
 * A bus on NATS JetStream (nats-server 2.9.10 and newer). Once connected it reconnects for ever.
 *
 * @throws OpenWorkersError BUS_UNAVAILABLE when no server with JetStream answers in time, CONFIG_INVALID when one refuses
 * us: wrong password, wrong certificate, missing permission; the signal's reason when that aborts before
 */
export async function connectNats(options: NatsOptions): Promise<Bus> {
  const { connectMs = 10_000, signal, report } = options;
  const where = options.servers.map(withoutSecret).join(", ");
  const began = performance.now();
  let sayAt = began + sayAfterMs;
  let pauseMs = 100;
  while (true) {
    signal?.throwIfAborted();
    try {
      return await connectOnce(options);
    } catch (thrown) {
      const error = explainConnect(thrown, where, options.tls !== undefined);
      const now = performance.now();
      if (error.code !== "BUS_UNAVAILABLE" || now - began > connectMs) throw error;
      if (now > sayAt) {
        report("NATS is waited for.", { error: error.message, hint: error.hint });
        sayAt = now + sayEveryMs;
      }
    }
    await Promise.race([Bun.sleep(pauseMs), aborted(signal)]);
    pauseMs = Math.min(1.5 * pauseMs, 2_000);
  }
}

/** Resolves when `signal` aborts, if ever. */
function aborted(signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal?.aborted === true) resolve();
  signal?.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

async function connectOnce(options: NatsOptions): Promise<Bus> {
  const connection = await connect(connectionOptions(options));
  try {
    const manager = await jetstreamManager(connection, { checkAPI: false, timeout: 2_000 });
    await manager.getAccountInfo();
    return new NatsBus(connection, manager, { replicas: options.replicas ?? 1, report: options.report });
  } catch (thrown) {
    await closeQuietly(connection);
    throw thrown;
  }
}

function connectionOptions(options: NatsOptions): ConnectionOptions {
  const { user, password, token, tls } = options;
  return {
    servers: [...options.servers],
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(options.credentialsFile === undefined
      ? {}
      : { authenticator: credsAuthenticator(readCredentials(options.credentialsFile)) }),
    ...(options.nkeySeed === undefined
      ? {}
      : { authenticator: nkeyAuthenticator(new TextEncoder().encode(options.nkeySeed)) }),
    ...(tls === undefined ? {} : { tls: { ...tls } }),
    inboxPrefix: options.inboxPrefix ?? "_INBOX",
    timeout: 5_000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    reconnectJitterTLS: 250,
    // A server that was cut off without a word is noticed after 20 to 30 seconds.
    pingInterval: 10_000,
    maxPingOut: 2,
    // A password that is being changed must not end a service for good: it goes on asking, and reports.
    ignoreAuthErrorAbort: true,
    // Where an error came from costs a stack trace for each request.
    noAsyncTraces: true,
  };
}

function readCredentials(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new OpenWorkersError("CONFIG_INVALID", `Cannot read the NATS credentials: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

function explainConnect(thrown: unknown, where: string, encrypted: boolean): OpenWorkersError {
  if (thrown instanceof OpenWorkersError) return thrown;
  const what = `Cannot use NATS at ${where}`;
  const { cause, message } = new Error(`${what}: ${messageOf(thrown)}.`, { cause: thrown });
  if (isAboutTls(thrown)) {
    return new OpenWorkersError("CONFIG_INVALID", message, {
      cause,
      hint: "Check NATS_CA, NATS_CERT and NATS_KEY, and that the server's certificate names this host.",
    });
  }
  const explained = explain(thrown, what);
  if (explained.code === "CONFIG_INVALID") return explained;
  // A server that wants a certificate of ours, or another, closes the connection without a word (TLS 1.3).
  const certificates = encrypted ? ", and that it accepts NATS_CERT" : "";
  return new OpenWorkersError("BUS_UNAVAILABLE", message, {
    cause,
    hint: `Check that nats-server is running, with JetStream, and that NATS_URL is right${certificates}.`,
  });
}

// What TLS says comes as it is, or as the cause of what the client makes of it.
function isAboutTls(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const code = "code" in thrown ? String(thrown.code) : "";
  return (
    /CERT|TLS|SSL|SELF_SIGNED|ISSUER|ENOENT|EACCES/.test(code) ||
    /certificate|doesn't exist|tls/i.test(thrown.message) ||
    isAboutTls(thrown.cause)
  );
}

function withoutSecret(server: string): string {
  return server.replace(/^(\w+:\/\/)?.*@/, "$1");
}

async function closeQuietly(connection: NatsConnection): Promise<void> {
  try {
    await connection.close();
  } catch (thrown) {
    // It never was of use; why is what the caller is told.
    if (!isTransient(thrown)) throw thrown;
  }
}
