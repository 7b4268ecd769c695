import { type BoundName, messageOf } from "@openworkers/core";
import type { PlatformContext } from "../commands/context.ts";
import { firstUse, isServed } from "../databases/first-use.ts";
import { pendingMigrationsOf } from "../databases/migrate-command.ts";
import type { Project } from "../manifest/project.ts";

/**
 * Has the databases made that a deploy wanted, so that the worker's first request need not wait for that. The worker is
 * stored already: nothing here undoes that.
 */
export async function makeDatabases(context: PlatformContext, bound: readonly BoundName[]): Promise<void> {
  const databases = bound.filter(({ kind }) => kind === "database" || kind === "hyperdrive");
  if (databases.length === 0) return;
  if (!isServed(context)) {
    context.output.warn("Tenant databases are not served here: what the worker asks of them fails.");
    return;
  }
  await warned(context, "The databases could not be made", async () => {
    for (const { id = "", resource, created } of databases) {
      if (created) await context.output.step(`Make the database ${resource}`, () => firstUse(context, id));
    }
  });
}

/** Says which migrations are pending of the databases that a project names. */
export async function warnOfMigrations(context: PlatformContext, project: Project): Promise<void> {
  if (!isServed(context)) return;
  await warned(context, "The databases could not be looked at", async () => {
    for (const { database, pending } of await pendingMigrationsOf(context, project)) {
      context.output.warn(
        `${database} lacks ${pending.length === 1 ? "a migration" : `${pending.length} migrations`} (${pending.join(", ")}). ` +
          `Apply: ow databases migrate apply --project ${project.root}`,
      );
    }
  });
}

/** A failure is a warning: what was deployed is. */
async function warned({ output, signal }: PlatformContext, what: string, work: () => Promise<void>) {
  try {
    await work();
  } catch (thrown) {
    signal.throwIfAborted();
    output.warn(`${what}: ${messageOf(thrown)}`);
  }
}
