import type { ListEntry, ListOptions, ObjectList, StoredObject } from "@openworkers/core";
import type { S3Client } from "./s3-client.ts";
import { etagOf, md5Of } from "./s3-metadata.ts";
import { type Element, parseXml } from "./s3-xml.ts";

/** A list that S3 makes has no metadata: each object is asked for its own, and a page has fewer. */
const objectsWithMetadata = 100;
const headsAtOnce = 16;
const lastCharacter = "\u{10FFFF}";

/** A page of the objects whose keys start with `base`, which is not told. */
export async function listObjects(
  client: S3Client,
  base: string,
  { prefix, delimiter, after, limit, metadata }: ListOptions,
  head: (key: string) => Promise<StoredObject | undefined>,
): Promise<ObjectList> {
  const start = after === undefined ? undefined : "key" in after ? after.key : after.prefix + lastCharacter;
  const text = await client.text({
    method: "GET",
    query: {
      "list-type": "2",
      "encoding-type": "url",
      "max-keys": `${metadata ? Math.min(limit, objectsWithMetadata) : limit}`,
      ...(base + prefix === "" ? {} : { prefix: base + prefix }),
      ...(delimiter === undefined || delimiter === "" ? {} : { delimiter }),
      ...(start === undefined ? {} : { "start-after": base + start }),
    },
  });
  const result = parseXml(text, "ListBucketResult");
  const decode = result.text("EncodingType") === "url" ? decodeUrl : (name: string) => name;
  const nameOf = (name: string | undefined): string => decode(name ?? "").slice(base.length);
  const objects = result.all("Contents").map((element) => objectOf(nameOf(element.text("Key")), element));
  const prefixes = result
    .all("CommonPrefixes")
    .map((element) => nameOf(element.text("Prefix")))
    // A key that goes on with the last character of all brings its group a second time.
    .filter((name) => after === undefined || !("prefix" in after) || after.prefix !== name);
  const entries: ListEntry[] = [
    ...(metadata ? await withMetadata(objects, head) : objects).map((object) => ({ object })),
    ...prefixes.map((name) => ({ prefix: name })),
  ];
  return {
    entries: entries.sort((one, other) => Buffer.compare(bytesOf(one), bytesOf(other))),
    more: result.text("IsTruncated") === "true",
  };
}

function bytesOf(entry: ListEntry): Buffer {
  return Buffer.from("prefix" in entry ? entry.prefix : entry.object.key);
}

function decodeUrl(name: string): string {
  return decodeURIComponent(name.replaceAll("+", "%20"));
}

function objectOf(key: string, element: Element): StoredObject {
  const etag = etagOf(element.text("ETag"));
  const modified = new Date(element.text("LastModified") ?? 0);
  return {
    key,
    version: etag,
    size: Number(element.text("Size") ?? "0"),
    etag,
    // To the second, as everywhere else that a server says it.
    uploadedAt: new Date(Math.floor(modified.getTime() / 1_000) * 1_000),
    http: {},
    custom: {},
    checksums: md5Of(etag),
    storageClass: "Standard",
  };
}

async function withMetadata(
  objects: readonly StoredObject[],
  head: (key: string) => Promise<StoredObject | undefined>,
): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  for (let at = 0; at < objects.length; at += headsAtOnce) {
    const some = objects.slice(at, at + headsAtOnce);
    // One that was deleted meanwhile stays in its place: the list goes on after it.
    found.push(...(await Promise.all(some.map(async (object) => (await head(object.key)) ?? object))));
  }
  return found;
}
