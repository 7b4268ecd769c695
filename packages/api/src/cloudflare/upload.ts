import {
  type EnvValue,
  formMetadata,
  type Module,
  OpenWorkersError,
  parseHeaders,
  parseRedirects,
  type WorkerCode,
} from "@openworkers/core";
import type { z } from "zod";
import { find, type OwnedKind } from "../access/owned.ts";
import { formBody } from "../http/body.ts";
import type { Scope } from "../http/call.ts";
import type { Deploy } from "../routes/versions/deploy.ts";
import { uploadSchema } from "../routes/versions/schema.ts";
import type { wantedBindingSchema } from "../routes/versions/wanted.ts";
import { sentFiles } from "./assets.ts";
import { type Inherited, inheritedFrom } from "./bindings.ts";
import { errorNumbers, NumberedError } from "./envelope.ts";
import { type Ask, inputOf, partsOf } from "./face.ts";
import { type CloudflareBinding, type Metadata, metadataSchema } from "./upload-metadata.ts";

type Wanted = z.input<typeof wantedBindingSchema>;

const types: Readonly<Record<string, Module["type"]>> = {
  "application/javascript+module": "esModule",
  "text/javascript+module": "esModule",
  "application/javascript": "commonJsModule",
  "text/javascript": "commonJsModule",
  "application/wasm": "wasm",
  "application/octet-stream": "data",
  "text/plain": "text",
  "application/json": "json",
};

/** What the worker of a project does that has files and no code. */
const staticWorker = "export default { fetch: (request, env) => env.ASSETS.fetch(request) };";

/**
 * Reads a form of Cloudflare's clients as a deploy. What it binds must be there: clients that want something made ask for
 * that before.
 *
 * @throws OpenWorkersError INVALID_INPUT for what this platform has not, NOT_FOUND, FORBIDDEN
 */
export async function readUpload(ask: Ask): Promise<Deploy> {
  const form = await formBody(ask.call.request);
  const metadata = inputOf(metadataSchema, await formMetadata(form));
  const code = await codeOf(form, metadata);
  const inherited = await ask.call.together(async (scope) => {
    for (const binding of metadata.bindings) await mustBeThere(scope, ask.account, binding);
    return inheritedFrom(scope, ask);
  });
  const said = {
    ...translated(metadata, inherited),
    account: ask.account,
    limits: {
      ...(metadata.limits?.cpu_ms === undefined ? {} : { cpuMs: metadata.limits.cpu_ms }),
      ...(metadata.limits?.subrequests === undefined ? {} : { subrequests: metadata.limits.subrequests }),
    },
    message: metadata.annotations?.["workers/message"],
    ...(metadata.assets === undefined ? {} : { assets: assetsOf(metadata.assets, metadata) }),
    modules: code.modules.map(({ name, type }) => ({ name, type })),
    compatibilityDate: code.compatibilityDate,
    compatibilityFlags: [...code.compatibilityFlags],
  };
  return { worker: ask.param("script"), code, metadata: inputOf(uploadSchema, said) };
}

async function codeOf(form: FormData, metadata: Metadata): Promise<WorkerCode> {
  const modules: Module[] = [];
  const sourceMaps = new Map<string, Uint8Array>();
  for (const [name, part] of partsOf(form)) {
    if (name === "metadata") continue;
    if (typeof part === "string") throw new OpenWorkersError("INVALID_INPUT", `${name}: it is no file.`);
    const content = new Uint8Array(await part.arrayBuffer());
    const media = part.type.split(";")[0] ?? "";
    // `main_module` is an ES module by its name: the others are sent as `body_part`.
    const type = name === metadata.main_module && /javascript/.test(media) ? "esModule" : types[media];
    if (media === "application/source-map") sourceMaps.set(name.replace(/\.map$/, ""), content);
    else if (type !== undefined) modules.push({ name, type, content });
    else throw new OpenWorkersError("INVALID_INPUT", `${name}: modules of ${media} cannot be run here.`);
  }
  const { main_module: main, compatibility_date, compatibility_flags } = metadata;
  if (main === undefined && metadata.assets !== undefined && modules.length === 0) {
    modules.push({ name: "index.js", type: "esModule", content: new TextEncoder().encode(staticWorker) });
  } else if (!modules.some(({ name }) => name === main)) {
    throw new OpenWorkersError("INVALID_INPUT", `main_module: the form has no module "${main ?? ""}".`);
  }
  return {
    modules: modules.toSorted((a, b) => Number(b.name === main) - Number(a.name === main)),
    compatibilityDate: compatibility_date,
    compatibilityFlags: compatibility_flags,
    sourceMaps,
  };
}

function translated({ bindings, keep_bindings, main_module, assets }: Metadata, inherited: Inherited) {
  const vars: Record<string, EnvValue> = {};
  const wanted: Record<string, Wanted> = {};
  const secrets: Record<string, string> = {};
  for (const [name, value] of inherited.vars) {
    if (keep_bindings.includes(value.kind === "json" ? "json" : "plain_text")) vars[name] = value;
  }
  for (const binding of bindings) {
    const { name } = binding;
    delete vars[name];
    if (binding.type === "plain_text") vars[name] = { kind: "text", value: binding.text };
    else if (binding.type === "json") vars[name] = { kind: "json", value: JSON.stringify(binding.json) };
    else if (binding.type === "secret_text") {
      if (binding.text !== undefined) secrets[name] = binding.text;
      else mustHave(inherited.values.has(name), name);
    } else if (binding.type !== "inherit") wanted[name] = wantedOf(binding);
    else {
      const [before, value] = [inherited.bindings.get(name), inherited.vars.get(name)];
      if (before !== undefined) wanted[name] = before;
      else if (value !== undefined) vars[name] = value;
      else mustHave(inherited.values.has(name), name);
    }
  }
  // The worker that only serves files asks for them by this name.
  if (main_module === undefined && assets !== undefined) wanted.ASSETS ??= { kind: "assets" };
  return { vars, bindings: wanted, environmentSecrets: secrets };
}

function mustHave(has: boolean, name: string): void {
  if (!has)
    throw new OpenWorkersError("INVALID_INPUT", `${name}: the worker has nothing of that name to keep.`);
}

type Bound = Exclude<CloudflareBinding, { type: "plain_text" | "json" | "secret_text" | "inherit" }>;

function wantedOf(binding: Bound): Wanted {
  switch (binding.type) {
    case "kv_namespace":
      return { kind: "kv", namespace: binding.namespace_id };
    case "r2_bucket":
      return { kind: "storage", bucket: binding.bucket_name };
    case "d1":
      return { kind: "database", database: binding.id };
    case "hyperdrive":
      return { kind: "hyperdrive", database: binding.id };
    case "queue":
      return { kind: "queue", queue: binding.queue_name, deliveryDelay: binding.delivery_delay };
    case "service":
      return {
        kind: "worker",
        worker: binding.service,
        entrypoint: binding.entrypoint,
        props: binding.props,
      };
    case "ratelimit": {
      const { limit, period } = binding.simple;
      return {
        kind: "rate-limit",
        settings: { namespace: binding.namespace_id, limit, periodSeconds: period },
      };
    }
    case "assets":
      return { kind: "assets" };
    case "version_metadata":
      return { kind: "version-metadata" };
  }
}

const places: Partial<Record<CloudflareBinding["type"], OwnedKind>> = {
  kv_namespace: "kv",
  r2_bucket: "storage",
  d1: "database",
  hyperdrive: "database",
  queue: "queue",
};

/** A deploy of `/v1` makes what it binds and is not there; here that would take a mistyped id for a new name. */
async function mustBeThere(scope: Scope, account: string, binding: CloudflareBinding): Promise<void> {
  const kind = places[binding.type];
  if (kind === undefined) return;
  const wanted = Object.values(wantedOf(binding as Bound)).find(
    (value, index): value is string => index > 0 && typeof value === "string",
  );
  try {
    await find(scope, kind, { nameOrId: wanted ?? "", account, action: "read" });
  } catch (thrown) {
    if (!(thrown instanceof OpenWorkersError) || thrown.code !== "NOT_FOUND") throw thrown;
    throw new NumberedError(errorNumbers.badWorker, "INVALID_INPUT", `${binding.name}: ${thrown.message}`);
  }
}

function assetsOf({ jwt, config }: NonNullable<Metadata["assets"]>, { main_module }: Metadata) {
  const { html_handling, not_found_handling, run_worker_first, _headers, _redirects } = config;
  const only = main_module === undefined;
  return {
    files: sentFiles(jwt),
    settings: {
      htmlHandling: html_handling,
      notFoundHandling: not_found_handling,
      runWorkerFirst: only ? false : run_worker_first,
      only,
      headers: [...parseHeaders(_headers).rules],
      redirects: [...parseRedirects(_redirects, html_handling).rules],
    },
  };
}
