import { AsyncLocalStorage } from "node:async_hooks";
import { Buffer } from "node:buffer";
import { createHmac, randomUUID, scryptSync, timingSafeEqual } from "node:crypto";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

const requestIds = new AsyncLocalStorage<string>();

/** Deep in a call chain, without having been handed the request. */
async function whoAmI(): Promise<string | undefined> {
  await Promise.resolve();
  return requestIds.getStore();
}

function sign(text: string, key: string): string {
  return createHmac("sha256", key).update(text).digest("hex");
}

/** The lines of `text`, numbered, through a Node stream. */
async function numbered(text: string): Promise<string> {
  let line = 0;
  let out = "";
  const number = new Transform({
    objectMode: true,
    transform: (chunk, _encoding, done) => {
      line += 1;
      done(null, `${line} ${chunk}\n`);
    },
  });
  await pipeline(Readable.from(text.split("\n")), number, async (lines: AsyncIterable<string>) => {
    for await (const chunk of lines) out += chunk;
  });
  return out;
}

async function handle(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const text = searchParams.get("text") ?? "one\ntwo";
  switch (pathname) {
    case "/":
      return Response.json({
        requestId: await whoAmI(),
        base64: Buffer.from(text, "utf8").toString("base64"),
        hmac: sign(text, "key"),
        scrypt: scryptSync(text, "salt", 16, { N: 1_024 }).toString("hex"),
      });
    case "/verify": {
      const expected = Buffer.from(sign(text, "key"));
      const given = Buffer.from(searchParams.get("hmac") ?? "");
      return Response.json({
        valid: expected.length === given.length && timingSafeEqual(expected, given),
      });
    }
    case "/lines":
      return new Response(await numbered(text));
    default:
      return new Response("Nothing here.\n", { status: 404 });
  }
}

export default {
  fetch: (request: Request): Promise<Response> => requestIds.run(randomUUID(), () => handle(request)),
} satisfies ExportedHandler;
