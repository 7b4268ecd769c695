import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";

/** The platform's own bucket: all buckets that users make are parts of it. */
export interface S3Settings {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** An S3 server's address: a URL of its root or, behind a proxy, of a path. */
export const endpointSchema = z.url({ protocol: /^https?$/ }).refine((text) => {
  if (!URL.canParse(text)) return false;
  const { search, hash, username, password } = new URL(text);
  return search === "" && hash === "" && username === "" && password === "";
});

const variables = {
  endpoint: "OW_S3_ENDPOINT",
  bucket: "OW_S3_BUCKET",
  accessKeyId: "OW_S3_ACCESS_KEY_ID",
  secretAccessKey: "OW_S3_SECRET_ACCESS_KEY",
} as const;

/**
 * Reads `OW_S3_…` from environment variables; undefined when none is set.
 *
 * @throws OpenWorkersError CONFIG_INVALID naming the variable
 */
export function readS3Settings(env: Readonly<Record<string, string | undefined>>): S3Settings | undefined {
  const given = Object.values(variables).filter((name) => (env[name] ?? "") !== "");
  if (given.length === 0) return undefined;
  const missing = Object.values(variables).find((name) => !given.includes(name));
  if (missing !== undefined) {
    throw new OpenWorkersError("CONFIG_INVALID", `${given[0]} is set and ${missing} is not.`, {
      hint: "An S3 bucket takes all of OW_S3_ENDPOINT, OW_S3_BUCKET, OW_S3_ACCESS_KEY_ID and OW_S3_SECRET_ACCESS_KEY.",
    });
  }
  const endpoint = env.OW_S3_ENDPOINT ?? "";
  if (!endpointSchema.safeParse(endpoint).success) {
    throw new OpenWorkersError(
      "CONFIG_INVALID",
      "OW_S3_ENDPOINT is no address of an S3 server, or holds more than one.",
      {
        hint: "Give its URL, such as https://s3.eu-central-1.amazonaws.com",
      },
    );
  }
  return {
    endpoint,
    bucket: env.OW_S3_BUCKET ?? "",
    region: env.OW_S3_REGION || "us-east-1",
    accessKeyId: env.OW_S3_ACCESS_KEY_ID ?? "",
    secretAccessKey: env.OW_S3_SECRET_ACCESS_KEY ?? "",
  };
}
