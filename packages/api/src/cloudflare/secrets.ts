import { OpenWorkersError } from "@openworkers/core";
import { changeValues, ensureWorkerEnvironment, listValues, maxValueBytes } from "@openworkers/db/stores";
import { z } from "zod";
import { formBody } from "../http/body.ts";
import type { Scope } from "../http/call.ts";
import { valueName } from "../routes/values/values.ts";
import { environmentOf } from "../routes/workers/environment.ts";
import { shownBindings } from "./bindings.ts";
import { success } from "./envelope.ts";
import { type Ask, bodyOf, type CloudflareFace, inputOf, workerOf } from "./face.ts";

const script = "/accounts/:account/workers/scripts/:script";
const secretSchema = z.object({
  name: valueName,
  text: z.string().max(maxValueBytes),
  type: z.literal("secret_text").default("secret_text"),
});

/** Secrets, which here are the environment's of a worker: every version has them, and has them at once. */
export function secretRoutes(face: CloudflareFace): void {
  face.on("get", `${script}/secrets`, async (ask) =>
    ask.call.together(async (scope) => success((await secretsOf(scope, ask)).map(shown))),
  );

  face.on("put", `${script}/secrets`, async (ask) => {
    const { name, text } = await bodyOf(ask, secretSchema);
    return ask.call.together(async (scope) => {
      await change(scope, ask, { set: { [name]: text } });
      return success(shown({ name }));
    });
  });

  face.on("delete", `${script}/secrets/:name`, async (ask) =>
    ask.call.together(async (scope) => {
      const name = ask.param("name");
      if (!(await secretsOf(scope, ask)).some((secret) => secret.name === name)) {
        throw new OpenWorkersError("NOT_FOUND", `${ask.param("script")} has no secret "${name}".`);
      }
      await change(scope, ask, { unset: [name] });
      return success(null);
    }),
  );

  // What `secret bulk` sends: every binding that there is, and the new secrets.
  face.on("patch", `${script}/settings`, async (ask) => {
    const form = await formBody(ask.call.request);
    const part = form.get("settings");
    const text = typeof part === "string" ? part : await part?.text();
    const { bindings } = inputOf(settingsSchema, JSON.parse(text ?? "null"));
    return ask.call.together(async (scope) => {
      const there = new Map((await shownBindings(scope, ask)).map(({ name, type }) => [name, type]));
      const set: Record<string, string> = {};
      for (const { name, type, text: value } of bindings) {
        if (type === "secret_text" && value !== undefined) set[inputOf(valueName, name)] = value;
        else if (there.get(name) !== type && !(type === "inherit" && there.has(name))) {
          throw new OpenWorkersError(
            "INVALID_INPUT",
            `${name}: settings change secrets here, and nothing else that a version is bound to.`,
            { hint: "Deploy instead." },
          );
        }
      }
      const kept = new Set(bindings.map(({ name }) => name));
      const lost = [...there.keys()].filter((name) => typeof name === "string" && !kept.has(name));
      if (lost.length > 0) {
        throw new OpenWorkersError(
          "INVALID_INPUT",
          `${lost.join(", ")}: settings take no binding away here.`,
        );
      }
      await change(scope, ask, { set });
      return success({ bindings: await shownBindings(scope, ask) });
    });
  });
}

const settingsSchema = z.strictObject({
  bindings: z
    .array(z.object({ name: z.string(), type: z.string(), text: z.string().max(maxValueBytes).optional() }))
    .max(1_000),
});

async function change(
  scope: Scope,
  ask: Ask,
  { set = {}, unset = [] }: { readonly set?: Readonly<Record<string, string>>; readonly unset?: string[] },
): Promise<void> {
  const { name: worker } = await workerOf(scope, ask, "write");
  const by = scope.caller;
  const environmentId = await ensureWorkerEnvironment(scope.database, { worker, by });
  const values = Object.entries(set).map(([name, value]) => ({ name, kind: "secret" as const, value }));
  if (values.length > 0 || unset.length > 0) {
    await changeValues(scope.database, { environmentId, set: values, unset, by });
  }
}

async function secretsOf(scope: Scope, ask: Ask) {
  const { id } = await workerOf(scope, ask, "read");
  const environment = await environmentOf(scope.queries, id);
  const values = environment === undefined ? [] : await listValues(scope.database, environment);
  return values.filter(({ kind }) => kind === "secret");
}

function shown({ name }: { readonly name: string }) {
  return { name, type: "secret_text" };
}
