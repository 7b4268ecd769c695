import { createHash } from "node:crypto";
import type { S3Client } from "./s3-client.ts";
import { errorOfCode } from "./s3-errors.ts";
import { escapeXml, fitsXml, parseXml } from "./s3-xml.ts";

/** Keys that one request deletes: S3 takes 1,000, but some servers need seconds for a hundred. */
const batch = 100;

/** Deletes objects, whether they are there or not. */
export async function deleteObjects(client: S3Client, keys: readonly string[]): Promise<void> {
  const [listed, awkward] = [keys.filter(fitsXml), keys.filter((key) => !fitsXml(key))];
  // One by one what no XML document can name.
  const single = listed.length === 1 ? [...listed, ...awkward] : awkward;
  for (const key of single) {
    const response = await client.ask({ method: "DELETE", key });
    const text = await new Response(response.body).text();
    if (response.status >= 300 && response.status !== 404) {
      throw errorOfCode(codeIn(text), response.status);
    }
  }
  if (listed.length === 1) return;
  for (let at = 0; at < listed.length; at += batch) await deleteBatch(client, listed.slice(at, at + batch));
}

/** What a server says of a key when it was its own fault, by S3's words and by OpenStack Swift's. */
const passing = new Set(["InternalError", "ServiceUnavailable", "SlowDown", "Server Error"]);
const attempts = 3;
const pauseMs = 100;

/** Deletes them, and asks again for those that failed by the server's fault: what is gone already is no error. */
async function deleteBatch(client: S3Client, keys: readonly string[]): Promise<void> {
  let left = keys;
  for (let attempt = 1; ; attempt++) {
    const failed = await askToDelete(client, left);
    if (failed.length === 0) return;
    const worst = failed.find(({ code }) => !passing.has(code)) ?? failed[0];
    const mayPass = failed.every(({ code, key }) => passing.has(code) && left.includes(key));
    if (!mayPass || attempt === attempts) throw errorOfCode(worst?.code, 200);
    left = failed.map(({ key }) => key);
    await Bun.sleep(pauseMs * attempt);
  }
}

async function askToDelete(
  client: S3Client,
  keys: readonly string[],
): Promise<{ readonly key: string; readonly code: string }[]> {
  const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join("");
  const body = Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
      `<Quiet>true</Quiet>${objects}</Delete>`,
  );
  const text = await client.text({
    method: "POST",
    query: { delete: "" },
    headers: {
      "content-md5": createHash("md5").update(body).digest("base64"),
      "content-type": "application/xml",
    },
    body,
  });
  return parseXml(text, "DeleteResult")
    .all("Error")
    .map((error) => ({ key: error.text("Key") ?? "", code: error.text("Code") ?? "" }));
}

function codeIn(text: string): string | undefined {
  return text === "" ? undefined : parseXml(text, "Error").text("Code");
}
