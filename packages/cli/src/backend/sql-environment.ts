import { type EnvironmentId, isOpenWorkersError, type UserId } from "@openworkers/core";
import {
  changeValues,
  createEnvironment,
  type Database,
  deleteEnvironment,
  deleteWorker,
  ensureWorkerEnvironment,
  getWorker,
  type ListedBinding,
  listBindings,
  listEnvironments,
  listValues,
  type NewValue,
  type Worker,
} from "@openworkers/db";
import type { BindingSummary, EnvironmentBinding, ValueSummary } from "./backend.ts";

export interface NewValues {
  readonly vars: ReadonlyMap<string, string>;
  readonly secrets: ReadonlyMap<string, string>;
}

/** Values set before a deploy. Unless kept, disposing takes back what was made for a worker that is not there. */
export interface PreparedValues extends AsyncDisposable {
  /** Name of the environment that a new worker must be given. */
  readonly environment: string | undefined;
  keep(): void;
}

/** The values of workers, by the worker's name: each worker has an environment, made when first needed. */
export class SqlEnvironment {
  readonly #database: Database;
  readonly #by: UserId;

  constructor(database: Database, by: UserId) {
    this.#database = database;
    this.#by = by;
  }

  async list(worker: string, missingIsEmpty: boolean): Promise<ValueSummary[]> {
    const found = missingIsEmpty ? await this.#find(worker) : await getWorker(this.#database, worker);
    const environmentId = found === undefined ? undefined : await this.#idOf(found);
    return environmentId === undefined ? [] : await listValues(this.#database, environmentId);
  }

  async set(worker: string, values: NewValues): Promise<void> {
    await this.#change(worker, toNewValues(values));
  }

  async unset(worker: string, kind: "var" | "secret", names: readonly string[]): Promise<string[]> {
    const environmentId = await this.#idOf(await getWorker(this.#database, worker));
    if (environmentId === undefined) return [];
    const there = (await listValues(this.#database, environmentId)).filter(
      (value) => value.kind === kind && names.includes(value.name),
    );
    const unset = there.map(({ name }) => name);
    if (unset.length > 0) await changeValues(this.#database, { environmentId, unset, by: this.#by });
    return unset;
  }

  async bindings(worker: string, missingIsEmpty: boolean): Promise<BindingSummary[]> {
    if (missingIsEmpty && (await this.#find(worker)) === undefined) return [];
    return (await listBindings(this.#database, worker)).map(toSummary);
  }

  async bind(worker: string, bindings: ReadonlyMap<string, EnvironmentBinding>): Promise<void> {
    await this.#change(
      worker,
      [...bindings].map(([name, binding]) => ({ name, ...binding })),
    );
  }

  async unbind(worker: string, names: readonly string[]): Promise<string[]> {
    const environmentId = await this.#idOf(await getWorker(this.#database, worker));
    const unset = (await listBindings(this.#database, worker))
      .filter(({ name, source }) => source === "environment" && names.includes(name))
      .map(({ name }) => name);
    if (environmentId === undefined || unset.length === 0) return [];
    await changeValues(this.#database, { environmentId, unset, by: this.#by });
    return unset;
  }

  /** Sets values before a version that may need them goes live, for a worker that may not be there yet. */
  async prepare(worker: string, values: NewValues): Promise<PreparedValues> {
    const set = toNewValues(values);
    const nothing = { environment: undefined, keep() {}, async [Symbol.asyncDispose]() {} };
    if (set.length === 0) return nothing;
    if ((await this.#find(worker)) !== undefined) {
      await this.set(worker, values);
      return nothing;
    }
    const made = await this.#create(worker);
    let kept = false;
    await using undo = new AsyncDisposableStack();
    undo.defer(async () => {
      if (!kept) await deleteEnvironment(this.#database, { environmentId: made.id, by: this.#by });
    });
    await changeValues(this.#database, { environmentId: made.id, set, by: this.#by });
    const held = undo.move();
    return {
      environment: made.name,
      keep: () => {
        kept = true;
      },
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    };
  }

  /** Deletes a worker, and its environment unless other workers use it. */
  async deleteWithWorker(worker: string): Promise<void> {
    const environmentId = await this.#idOf(await getWorker(this.#database, worker));
    await deleteWorker(this.#database, { worker, by: this.#by });
    if (environmentId === undefined) return;
    try {
      await deleteEnvironment(this.#database, { environmentId, by: this.#by });
    } catch (thrown) {
      if (!isOpenWorkersError(thrown, "CONFLICT", "NOT_FOUND")) throw thrown;
    }
  }

  async #change(worker: string, set: readonly NewValue[]): Promise<void> {
    const environmentId = await ensureWorkerEnvironment(this.#database, { worker, by: this.#by });
    await changeValues(this.#database, { environmentId, set, by: this.#by });
  }

  async #create(worker: string): Promise<{ id: EnvironmentId; name: string }> {
    for (let attempt = 1; ; attempt++) {
      const name = attempt === 1 ? worker : `${worker}-${attempt}`;
      try {
        return { id: await createEnvironment(this.#database, { name, by: this.#by }), name };
      } catch (thrown) {
        // One of that name, and for whatever purpose, is not this worker's to take.
        if (!isOpenWorkersError(thrown, "CONFLICT")) throw thrown;
      }
    }
  }

  async #find(worker: string): Promise<Worker | undefined> {
    try {
      return await getWorker(this.#database, worker);
    } catch (thrown) {
      if (isOpenWorkersError(thrown, "NOT_FOUND")) return undefined;
      throw thrown;
    }
  }

  async #idOf(worker: Worker): Promise<EnvironmentId | undefined> {
    if (worker.environment === null) return undefined;
    const environments = await listEnvironments(this.#database);
    return environments.find(
      ({ name, workers }) => name === worker.environment && workers.includes(worker.name),
    )?.id;
  }
}

function toSummary({
  name,
  kind,
  source,
  resource,
  id,
  entrypoint,
  settings,
}: ListedBinding): BindingSummary {
  return {
    name,
    kind,
    source,
    ...(resource === null ? {} : { resource }),
    ...(id === null ? {} : { id }),
    ...(entrypoint === null ? {} : { entrypoint }),
    ...(settings === null ? {} : { settings }),
  };
}

function toNewValues({ vars, secrets }: NewValues): NewValue[] {
  const asKind = (values: ReadonlyMap<string, string>, kind: "var" | "secret"): NewValue[] =>
    [...values].map(([name, value]) => ({ name, kind, value }));
  // What is in both files is a secret.
  return [...asKind(vars, "var").filter(({ name }) => !secrets.has(name)), ...asKind(secrets, "secret")];
}
