import { lookup } from "node:dns/promises";
import { storageError } from "@openworkers/core";
import type { Destination, Guard } from "../../egress/guard/guard.ts";
import type { JudgeEndpoint } from "./s3/s3-client.ts";

/**
 * Judges the S3 server of a user as what a worker connects to is judged: it must be public, or permitted by the
 * operator. Every connection is judged anew and goes to the address that was judged.
 */
export function judgedBy(guard: Guard): JudgeEndpoint {
  return async ({ hostname, port, protocol }) => {
    const destination = {
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
      // An S3 server may be on any port that other services may be on.
      via: "connect",
    } as const;
    const [address] = await judged(guard, destination);
    if (address === undefined) throw storageError("unavailable", "The S3 server has no address.");
    return { address };
  };
}

// What is said to the worker names no host: where its bucket is, is not its business.
async function judged(guard: Guard, destination: Destination): Promise<string[]> {
  try {
    const name = guard.judgeName(destination, {});
    return guard.judgeAddresses(destination, await addressesOf(name));
  } catch (cause) {
    throw storageError("unavailable", "The platform does not connect to the bucket's S3 server.", { cause });
  }
}

async function addressesOf(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}
