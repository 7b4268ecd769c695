import {
  type EnvironmentId,
  OpenWorkersError,
  seal,
  type UserId,
  type WantedBinding,
} from "@openworkers/core";
import type { Queries, StoreDatabase } from "../database.ts";
import { audit } from "./audit.ts";
import { bindingColumns } from "./bindings.ts";
import { checkCalledEntrypoints } from "./called-entrypoints.ts";
import { lockOwnedEnvironment } from "./environments.ts";
import { lockActiveKey, type PublicSealingKey } from "./sealing-keys.ts";
import { lookUp } from "./wanted-bindings.ts";

/** Longest value of a var or a secret, in bytes of UTF-8. */
export const maxValueBytes = 65_536;

const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** A value as it may be shown: of a secret there is nothing to show. */
export type ListedValue =
  | { readonly name: string; readonly kind: "var"; readonly value: string; readonly updatedAt: Date }
  | { readonly name: string; readonly kind: "secret"; readonly updatedAt: Date };

/** A binding that an environment may hold: what it points at is there already. */
export type EnvironmentBinding = Extract<
  WantedBinding,
  {
    kind: "kv" | "storage" | "database" | "hyperdrive" | "queue" | "worker";
  }
>;

export type NewValue =
  | {
      readonly name: string;
      readonly kind: "var" | "secret";
      /** In clear. A secret is sealed before it leaves this process. */
      readonly value: string;
    }
  | ({ readonly name: string } & EnvironmentBinding);

export interface ChangeValues {
  readonly environmentId: EnvironmentId;
  readonly set?: readonly NewValue[];
  /** Names to remove; one that is not there is no error. */
  readonly unset?: readonly string[];
  readonly by: UserId;
}

/**
 * Sets and removes values of an environment, all of it or nothing; returns its new revision.
 *
 * @throws OpenWorkersError INVALID_INPUT (a name or a size), NOT_FOUND (also of what is to be bound), FORBIDDEN,
 * SECRET_UNREADABLE when the platform has no sealing key yet, DATABASE_UNAVAILABLE.
 */
export async function changeValues(
  database: StoreDatabase,
  { environmentId, set = [], unset = [], by }: ChangeValues,
): Promise<number> {
  for (const value of set) check(value);
  const twice = set
    .map(({ name }) => name)
    .filter((name, index, all) => all.indexOf(name) !== index || unset.includes(name));
  if (twice.length > 0)
    throw new OpenWorkersError("INVALID_INPUT", `${twice[0]} is to be changed twice.`, {
      field: twice[0] ?? "",
    });
  return database.write(async (transaction) => {
    const environment = await lockOwnedEnvironment(transaction, environmentId, by);
    const names = [...unset, ...set.map(({ name }) => name)];
    if (names.length > 0) {
      // What is set anew is deleted first: an upsert would read what is sealed, which the API may not.
      await transaction
        .deleteFrom("environment_values")
        .where("environment_id", "=", environmentId)
        .where("name", "in", names)
        .execute();
    }
    if (set.length > 0) {
      const owner = environment.owner_id;
      let key: Promise<PublicSealingKey> | undefined;
      const activeKey = () => (key ??= lockActiveKey(transaction));
      const rows = [];
      for (const value of set) {
        rows.push(await columnsOf(transaction, { environmentId, owner, by, activeKey }, value));
      }
      await transaction
        .insertInto("environment_values")
        .values(rows.map((row) => ({ ...row, environment_id: environmentId, owner_id: owner })))
        .execute();
      await checkCalledEntrypoints(
        transaction,
        rows.map((row) => ("target_worker_id" in row ? row.target_worker_id : null)),
      );
    }
    await audit(
      transaction,
      by,
      "environment.change",
      environment.name,
      {
        set: set.map(auditedValue),
        unset,
      },
      environment.owner_id,
    );
    const { revision } = await transaction
      .selectFrom("environments")
      .select("revision")
      .where("id", "=", environmentId)
      .executeTakeFirstOrThrow();
    return revision;
  });
}

/** What the audit log says of a value: never the value itself, but what a binding leads to. */
function auditedValue(value: NewValue): Record<string, string | undefined> {
  const { name, kind } = value;
  if (kind === "kv") return { name, kind, to: value.namespace };
  if (kind === "storage") return { name, kind, to: value.bucket };
  if (kind === "database" || kind === "hyperdrive") return { name, kind, to: value.database };
  if (kind === "queue") return { name, kind, to: value.queue };
  if (kind === "worker") return { name, kind, to: value.worker, entrypoint: value.entrypoint };
  return { name, kind };
}

interface Place {
  readonly environmentId: EnvironmentId;
  readonly owner: UserId;
  readonly by: UserId;
  readonly activeKey: () => Promise<PublicSealingKey>;
}

const noValue = { value: null, sealed: null, key_id: null };

async function columnsOf(transaction: Queries, place: Place, value: NewValue) {
  const { name } = value;
  if (!("value" in value)) {
    const { binding } = await lookUp(transaction, place, name, value);
    const { settings: _, delivery_delay: __, face: ___, ...columns } = bindingColumns(binding);
    return { name, ...noValue, ...columns, kind: value.kind };
  }
  const { kind } = value;
  const { environmentId, activeKey } = place;
  if (kind === "var") return { name, kind, ...noValue, value: value.value };
  const key = await activeKey();
  const sealed = await seal(key.publicKey, value.value, { environmentId, name });
  return { name, kind, ...noValue, sealed, key_id: key.id };
}

/** The values of an environment by name; secrets without their values. */
export async function listValues(
  database: StoreDatabase,
  environmentId: EnvironmentId,
): Promise<ListedValue[]> {
  const rows = await database.read((queries) =>
    queries
      .selectFrom("environment_values")
      .select(["name", "kind", "value", "updated_at as updatedAt"])
      .where("environment_id", "=", environmentId)
      .orderBy("name")
      .execute(),
  );
  return rows.flatMap(({ name, kind, value, updatedAt }): ListedValue[] => {
    if (kind === "secret") return [{ name, kind, updatedAt }];
    return kind === "var" ? [{ name, kind, value: value ?? "", updatedAt }] : [];
  });
}

function check(wanted: NewValue): void {
  const { name } = wanted;
  if (!namePattern.test(name)) {
    throw new OpenWorkersError("INVALID_INPUT", `"${name}" cannot name a value.`, {
      field: name,
      hint: "Use up to 128 letters, digits and underscores, not starting with a digit.",
    });
  }
  if (wanted.kind !== "var" && wanted.kind !== "secret") return;
  const { value } = wanted;
  const bytes = Buffer.byteLength(value);
  if (bytes > maxValueBytes) {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `${name} is ${bytes} bytes long; ${maxValueBytes} are allowed.`,
      { field: name },
    );
  }
  // PostgreSQL's text cannot hold it, and no environment variable can.
  if (value.includes("\0"))
    throw new OpenWorkersError("INVALID_INPUT", `${name} holds a NUL character.`, { field: name });
  if (!value.isWellFormed())
    throw new OpenWorkersError("INVALID_INPUT", `${name} is not well-formed Unicode.`, { field: name });
}
