import { type PublishedPart, storageError, type UploadName } from "@openworkers/core";
import type { S3Client } from "./s3-client.ts";
import { errorOfCode } from "./s3-errors.ts";
import { etagOf } from "./s3-metadata.ts";
import { escapeXml, parseXml } from "./s3-xml.ts";

/** Begins an upload and returns its id. `key` is the server's. */
export async function createUpload(
  client: S3Client,
  key: string,
  headers: Readonly<Record<string, string>>,
): Promise<string> {
  const text = await client.text({ method: "POST", key, query: { uploads: "" }, headers });
  const id = parseXml(text, "InitiateMultipartUploadResult").text("UploadId");
  if (id === undefined || id === "") throw storageError("unavailable", "The S3 server began no upload.");
  return id;
}

/** The parts of an upload, by number. @throws the error noSuchUpload */
export async function listParts(
  client: S3Client,
  { key, id }: UploadName,
): Promise<Map<number, { readonly etag: string; readonly size: number }>> {
  const parts = new Map<number, { etag: string; size: number }>();
  let marker: string | undefined;
  do {
    const query = { uploadId: id, ...(marker === undefined ? {} : { "part-number-marker": marker }) };
    const result = parseXml(await client.text({ method: "GET", key, query }), "ListPartsResult");
    for (const part of result.all("Part")) {
      const etag = etagOf(part.text("ETag"));
      parts.set(Number(part.text("PartNumber")), { etag, size: Number(part.text("Size")) });
    }
    const next = result.text("IsTruncated") === "true" ? result.text("NextPartNumberMarker") : undefined;
    // A server that sends us round in circles ends here.
    marker = next === marker ? undefined : next;
  } while (marker !== undefined);
  return parts;
}

/** Makes an object of parts, which are in order. */
export async function completeUpload(
  client: S3Client,
  { key, id }: UploadName,
  parts: readonly PublishedPart[],
): Promise<void> {
  const listed = parts
    .map(
      ({ part, etag }) =>
        `<Part><PartNumber>${part}</PartNumber><ETag>&quot;${escapeXml(etag)}&quot;</ETag></Part>`,
    )
    .join("");
  const body = Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>` +
      `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${listed}</CompleteMultipartUpload>`,
  );
  const text = await client.text({
    method: "POST",
    key,
    query: { uploadId: id },
    headers: { "content-type": "application/xml" },
    body,
  });
  // A server that begins its answer before it is done says 200 whatever comes (AWS's CompleteMultipartUpload).
  if (/<Error>/.test(text)) throw errorOfCode(parseXml(text.trimStart(), "Error").text("Code"), 200);
}
