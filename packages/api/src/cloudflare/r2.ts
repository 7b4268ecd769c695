import { z } from "zod";
import { notHere, success } from "./envelope.ts";
import { type Ask, allOf, bodyOf, type CloudflareFace, ofAccount, sending } from "./face.ts";

const buckets = "/accounts/:account/r2/buckets";
const bucketSchema = z.object({ name: z.string(), createdAt: z.string() });

/** R2 buckets, and objects in them. */
export function r2Routes(face: CloudflareFace): void {
  face.on("get", buckets, async (ask) => {
    refusePlaces(ask);
    const all = await allOf(ask, bucketSchema, `/v1/storage${ofAccount(ask)}`);
    return success({ buckets: all.map(asBucket) });
  });
  face.on("post", buckets, async (ask) => {
    refusePlaces(ask);
    const { name, storageClass, locationHint } = await bodyOf(ask, newSchema);
    if (storageClass !== undefined && storageClass !== "Standard") notHere("Storage classes");
    if (locationHint !== undefined) notHere("Locations");
    const path = `/v1/storage${ofAccount(ask)}`;
    return success(asBucket(await ask.v1.json(bucketSchema, path, sending("POST", { name }))));
  });
  face.on("get", `${buckets}/:bucket`, async (ask) =>
    success(asBucket(await ask.v1.json(bucketSchema, within(ask)))),
  );
  face.on("delete", `${buckets}/:bucket`, async (ask) => {
    await ask.v1.ask(within(ask), { method: "DELETE" });
    return success({});
  });

  const object = `${buckets}/:bucket/objects/:key{.+}`;
  face.on("get", object, async (ask) => {
    const answer = await ask.v1.ask(objectOf(ask));
    return new Response(answer.body, answer);
  });
  face.on("put", object, async (ask) => {
    const { request } = ask.call;
    const headers = new Headers();
    for (const name of passed) {
      const value = request.headers.get(name);
      if (value !== null) headers.set(name, value);
    }
    if (headers.get("cf-r2-storage-class") === "InfrequentAccess") notHere("Storage classes");
    await ask.v1.ask(objectOf(ask), { method: "PUT", headers, body: request.body ?? new Uint8Array() });
    return success({ key: ask.param("key") });
  });
  face.on("delete", object, async (ask) => {
    await ask.v1.ask(objectOf(ask), { method: "DELETE" });
    return success({ key: ask.param("key") });
  });
}

const newSchema = z.object({
  name: z.string(),
  storageClass: z.string().optional(),
  locationHint: z.string().optional(),
});
const passed = [
  "content-type",
  "content-length",
  "content-language",
  "content-disposition",
  "content-encoding",
  "cache-control",
  "cf-r2-storage-class",
];

function refusePlaces({ call }: Ask): void {
  if (call.request.headers.get("cf-r2-jurisdiction") !== null) notHere("Jurisdictions");
}

function within(ask: Ask, rest = ""): string {
  return `/v1/storage/${encodeURIComponent(ask.param("bucket"))}${rest}${ofAccount(ask)}`;
}

function objectOf(ask: Ask): string {
  return within(ask, `/objects/${encodeURIComponent(ask.param("key"))}`);
}

function asBucket({ name, createdAt }: z.output<typeof bucketSchema>) {
  return { name, creation_date: createdAt };
}
