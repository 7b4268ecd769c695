import { mkdir } from "node:fs/promises";
import { OpenWorkersError } from "@openworkers/core";
import { connect, type Database, pendingMigrations, registerSealingKey, SecretKeys } from "@openworkers/db";

export interface ServiceOptions {
  /** How it is called in PostgreSQL's list of sessions: `openworkers-<name>`. */
  readonly name: string;
  /** Absolute; made when it is not there. */
  readonly dataDir: string;
}

/** What every service of a cluster stands on. */
export interface ServiceGround {
  readonly database: Database;
  readonly databaseUrl: string;
  readonly secretKeys: SecretKeys;
}

/**
 * Opens the platform's database, which a service of a cluster only uses: `ow migrate` brings it up to date.
 *
 * @throws OpenWorkersError CONFIG_INVALID (DATABASE_URL, or a migration, is missing), DATABASE_UNAVAILABLE
 */
export async function openGround(
  parts: AsyncDisposableStack,
  { name, dataDir }: ServiceOptions,
): Promise<ServiceGround> {
  const { DATABASE_URL: databaseUrl, OW_SECRET_KEY: secretKey } = process.env;
  if (databaseUrl === undefined || databaseUrl === "") {
    throw new OpenWorkersError("CONFIG_INVALID", "DATABASE_URL is not set.", {
      hint: "It names the platform's database. For all of a platform on this machine: ow up",
    });
  }
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const database = parts.use(connect(databaseUrl, { applicationName: `openworkers-${name}` }));
  const pending = await pendingMigrations(database);
  if (pending.length > 0) {
    throw new OpenWorkersError("CONFIG_INVALID", `The platform's database lacks ${pending.join(", ")}.`, {
      hint: "Run ow migrate first.",
    });
  }
  const secretKeys = await SecretKeys.load({ secretKey, directory: dataDir });
  await registerSealingKey(database, secretKeys);
  return { database, databaseUrl, secretKeys };
}

/** Resolves when the signal aborts. */
export async function untilStopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((done) => signal.addEventListener("abort", () => done(), { once: true }));
}
