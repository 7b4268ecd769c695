import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";
import { formBody } from "../http/body.ts";
import { success } from "./envelope.ts";
import { type Ask, allOf, bodyOf, type CloudflareFace, ofAccount, sending, slice } from "./face.ts";

const namespaces = "/accounts/:account/storage/kv/namespaces";
const namespaceSchema = z.object({ id: z.string(), name: z.string() });
const keysSchema = z.object({
  items: z.array(
    z.object({ name: z.string(), expiration: z.number().optional(), metadata: z.unknown().optional() }),
  ),
  nextCursor: z.string().nullable(),
});
const titled = z.object({ title: z.string() });
const putSchema = z
  .array(
    z.strictObject({
      key: z.string(),
      value: z.string(),
      base64: z.boolean().optional(),
      metadata: z.unknown().optional(),
      expiration: z.number().optional(),
      expiration_ttl: z.number().optional(),
    }),
  )
  .max(1_000, "this platform takes 1,000 at a time");

/** KV namespaces and what is in them. */
export function kvRoutes(face: CloudflareFace): void {
  face.on("get", namespaces, async (ask) => {
    const all = await allOf(ask, namespaceSchema, `/v1/kv${ofAccount(ask)}`);
    const { shown, info } = slice(all, ask.search);
    return success(shown.map(asNamespace), { info });
  });
  face.on("post", namespaces, async (ask) => {
    const { title: name } = await bodyOf(ask, titled);
    const path = `/v1/kv${ofAccount(ask)}`;
    return success(asNamespace(await ask.v1.json(namespaceSchema, path, sending("POST", { name }))));
  });
  face.on("get", `${namespaces}/:namespace`, async (ask) =>
    success(asNamespace(await ask.v1.json(namespaceSchema, within(ask)))),
  );
  face.on("put", `${namespaces}/:namespace`, async (ask) => {
    const { title: name } = await bodyOf(ask, titled);
    return success(asNamespace(await ask.v1.json(namespaceSchema, within(ask), sending("PATCH", { name }))));
  });
  face.on("delete", `${namespaces}/:namespace`, async (ask) => {
    await ask.v1.ask(within(ask), { method: "DELETE" });
    return success(null);
  });

  face.on("get", `${namespaces}/:namespace/keys`, async (ask) => {
    const query: Record<string, string> = { limit: "100" };
    for (const name of ["prefix", "cursor"]) {
      const value = ask.search.get(name);
      if (value !== null && value !== "") query[name] = value;
    }
    const { items, nextCursor } = await ask.v1.json(keysSchema, within(ask, "/keys", query));
    return success(items, { info: { count: items.length, cursor: nextCursor ?? "" } });
  });

  face.on("get", `${namespaces}/:namespace/values/:key`, async (ask) => {
    const answer = await ask.v1.ask(value(ask));
    return new Response(answer.body, answer);
  });
  face.on("put", `${namespaces}/:namespace/values/:key`, async (ask) => {
    const { body, metadata } = await sentValue(ask);
    const query: Record<string, string> = metadata === undefined ? {} : { metadata };
    const [ttl, expiration] = [ask.search.get("expiration_ttl"), ask.search.get("expiration")];
    if (ttl !== null) query.expirationTtl = ttl;
    if (expiration !== null) query.expiration = expiration;
    await ask.v1.ask(value(ask, query), { method: "PUT", body });
    return success(null);
  });
  face.on("delete", `${namespaces}/:namespace/values/:key`, async (ask) => {
    await ask.v1.ask(value(ask), { method: "DELETE" });
    return success(null);
  });

  face.on("put", `${namespaces}/:namespace/bulk`, async (ask) => {
    const entries = await bodyOf(ask, putSchema);
    const put = entries.map(({ expiration_ttl, ...entry }) => ({ ...entry, expirationTtl: expiration_ttl }));
    await ask.v1.ask(within(ask, "/bulk"), sending("POST", { put }));
    return success({ successful_key_count: put.length, unsuccessful_keys: [] });
  });
  const remove = async (ask: Ask) => {
    const keys = await bodyOf(ask, z.array(z.string()).max(1_000, "this platform takes 1,000 at a time"));
    await ask.v1.ask(within(ask, "/bulk"), sending("POST", { delete: keys }));
    return success({ successful_key_count: keys.length, unsuccessful_keys: [] });
  };
  face.on("delete", `${namespaces}/:namespace/bulk`, remove);
  face.on("post", `${namespaces}/:namespace/bulk/delete`, remove);
}

/** The value that a request puts: its body, or a form's parts. @throws OpenWorkersError INVALID_INPUT */
async function sentValue({ call: { request } }: Ask) {
  const isForm = request.headers.get("content-type")?.startsWith("multipart/form-data") === true;
  if (!isForm) return { body: request.body ?? new Uint8Array(), metadata: undefined };
  const form = await formBody(request);
  const [body, metadata] = [form.get("value"), form.get("metadata")];
  if (body === null) throw new OpenWorkersError("INVALID_INPUT", "value: the form has none.");
  return { body, metadata: typeof metadata === "string" ? metadata : await metadata?.text() };
}

function within(ask: Ask, rest = "", query: Readonly<Record<string, string>> = {}): string {
  return `/v1/kv/${encodeURIComponent(ask.param("namespace"))}${rest}${ofAccount(ask, query)}`;
}

function value(ask: Ask, query: Readonly<Record<string, string>> = {}): string {
  return within(ask, `/values/${encodeURIComponent(ask.param("key"))}`, query);
}

function asNamespace({ id, name }: z.output<typeof namespaceSchema>) {
  return { id, title: name, supports_url_encoding: true };
}
