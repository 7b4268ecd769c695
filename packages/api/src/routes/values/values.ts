import { z } from "@hono/zod-openapi";
import type { EnvironmentId, UserId } from "@openworkers/core";
import { changeValues, listValues, maxValueBytes, type NewValue } from "@openworkers/db/stores";
import type { Scope } from "../../http/call.ts";
import { time } from "../../http/schemas.ts";

const name = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]{0,127}$/,
    "is no name: up to 128 letters, digits and underscores, no digit first",
  );
const values = z
  .record(name, z.string().max(maxValueBytes))
  .refine((given) => Object.keys(given).length <= 1_000, "names too many at once");

export const valueName = name;

export const valueSchema = z
  .object({
    name: z.string(),
    kind: z.enum(["var", "secret"]),
    value: z
      .string()
      .optional()
      .openapi({ description: "Never of a secret: it can be written, and not read." }),
    updatedAt: time,
  })
  .openapi("Value");

export const valuesSchema = z.object({ items: z.array(valueSchema) }).openapi("Values");

export const valuesChangeSchema = z
  .strictObject({
    vars: values.optional(),
    secrets: values.optional(),
    unset: z
      .array(name)
      .max(1_000)
      .optional()
      .openapi({ description: "Vars and secrets to remove, if there." }),
  })
  .openapi("ValuesChange");

export const valuesChangedSchema = valuesSchema
  .extend({ unset: z.array(z.string()).openapi({ description: "Those that were there." }) })
  .openapi("ValuesChanged");

/** An environment's values; without one, none. */
export async function shownValues(
  { database }: Scope,
  environment: EnvironmentId | undefined,
): Promise<z.input<typeof valuesSchema>> {
  return { items: environment === undefined ? [] : await listValues(database, environment) };
}

/** Changes an environment's values, all of it or nothing. */
export async function changeShown(
  scope: Scope,
  environmentId: EnvironmentId,
  { vars = {}, secrets = {}, unset = [] }: z.output<typeof valuesChangeSchema>,
): Promise<z.input<typeof valuesChangedSchema>> {
  const by: UserId = scope.caller;
  const there = new Set((await listValues(scope.database, environmentId)).map((value) => value.name));
  // A binding of the environment is no value, and stays.
  const gone = [...new Set(unset)].filter((each) => there.has(each));
  const set: NewValue[] = [
    ...Object.entries(vars).map(([each, value]) => ({ name: each, kind: "var" as const, value })),
    ...Object.entries(secrets).map(([each, value]) => ({ name: each, kind: "secret" as const, value })),
  ];
  if (set.length > 0 || gone.length > 0) {
    await changeValues(scope.database, { environmentId, set, unset: gone, by });
  }
  return { ...(await shownValues(scope, environmentId)), unset: gone };
}
