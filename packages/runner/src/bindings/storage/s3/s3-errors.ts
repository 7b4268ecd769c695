import { type StorageErrorName, storageError } from "@openworkers/core";
import type { S3Response } from "./s3-client.ts";
import { parseXml } from "./s3-xml.ts";

/** What S3 calls an error, where R2 has one for it: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const names: Readonly<Record<string, StorageErrorName>> = {
  BadDigest: "badDigest",
  EntityTooLarge: "entityTooLarge",
  EntityTooSmall: "entityTooSmall",
  InvalidPart: "invalidPart",
  InvalidPartOrder: "invalidPart",
  InvalidRange: "invalidRange",
  KeyTooLongError: "invalidObjectName",
  MetadataTooLarge: "metadataTooLarge",
  NoSuchKey: "noSuchKey",
  NoSuchUpload: "noSuchUpload",
  PreconditionFailed: "preconditionFailed",
};

const refusals = new Set([
  "AccessDenied",
  "AllAccessDisabled",
  "ExpiredToken",
  "InvalidAccessKeyId",
  "RequestTimeTooSkewed",
  "SignatureDoesNotMatch",
]);

/** What an S3 server's refusal means. Reads the body. */
export async function errorOf({ status, body }: S3Response): Promise<Error> {
  const text = await new Response(body).text();
  return errorOfCode(codeOf(text), status);
}

export function errorOfCode(code: string | undefined, status: number): Error {
  const name = code !== undefined && Object.hasOwn(names, code) ? names[code] : undefined;
  if (name !== undefined) return storageError(name);
  const said = code === undefined ? `${status}` : `${status} (${code})`;
  if (code === "NoSuchBucket") {
    return storageError(
      "unavailable",
      "The S3 server has no bucket of the name that this one was set up with.",
    );
  }
  if ((code !== undefined && refusals.has(code)) || status === 401 || status === 403) {
    return storageError("unavailable", `The S3 server refused the bucket's credentials: ${said}.`, {
      hint: "Make the bucket again with keys that may read, write, list and delete.",
    });
  }
  return storageError("unavailable", `The S3 server answered ${said}.`);
}

function codeOf(text: string): string | undefined {
  try {
    const code = parseXml(text, "Error").text("Code");
    return code !== undefined && /^[A-Za-z]{1,64}$/.test(code) ? code : undefined;
  } catch {
    // A proxy's page, or nothing at all: the status says enough.
    return undefined;
  }
}
