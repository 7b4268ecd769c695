import { type BoundName, messageOf } from "@openworkers/core";
import type { PlatformContext } from "../commands/context.ts";
import { firstUse, isServed } from "../databases/first-use.ts";
import { pendingMigrationsOf } from "../databases/migrate-command.ts";
import type { Project } from "../manifest/project.ts";

/**
 * Has the databases made that a deploy wanted, so that the worker's first request need not wait for that, and says which
 * migrations are pending. The worker is live already: nothing here undoes that.
 */
export async function prepareDatabases(
  context: PlatformContext,
  project: Project,
  bound: readonly BoundName[],
): Promise<void> {
  const { output } = context;
  const made = bound.filter(({ kind, created }) => created && (kind === "database" || kind === "hyperdrive"));
  if (!isServed(context)) {
    const known = bound.some(({ kind }) => kind === "database" || kind === "hyperdrive");
    if (known) output.warn("Tenant databases are not served here: what the worker asks of them fails.");
    return;
  }
  try {
    for (const { id = "", resource } of made) {
      await output.step(`Make the database ${resource}`, () => firstUse(context, id));
    }
    for (const { database, pending } of await pendingMigrationsOf(context, project)) {
      output.warn(
        `${database} lacks ${pending.length === 1 ? "a migration" : `${pending.length} migrations`} (${pending.join(", ")}). ` +
          `Apply: ow databases migrate apply --project ${project.root}`,
      );
    }
  } catch (thrown) {
    context.signal.throwIfAborted();
    output.warn(`The databases could not be looked at: ${messageOf(thrown)}`);
  }
}
