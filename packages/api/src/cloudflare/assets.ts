import { createHash } from "node:crypto";
import { assetFileSchema, maxAssetBytes, maxAssets, OpenWorkersError } from "@openworkers/core";
import { uploadAssets } from "@openworkers/db/stores";
import { z } from "zod";
import { accountFor } from "../access/account.ts";
import { formBody } from "../http/body.ts";
import { success } from "./envelope.ts";
import { bodyOf, type CloudflareFace, inputOf, partsOf } from "./face.ts";

/** Cloudflare's hash of a file: 32 hex digits of what clients choose, which tells files apart and proves nothing. */
const clientHash = z.string().regex(/^[0-9a-f]{32}$/);
const manifestSchema = z.record(
  z.string().max(1_024),
  z.object({ hash: clientHash, size: z.int().min(0).max(maxAssetBytes) }),
);

const sessionSchema = z.object({
  credential: z.string(),
  account: z.string(),
  manifest: z.string(),
  exp: z.number(),
});
const sentSchema = z.object({ files: z.array(assetFileSchema).max(maxAssets), exp: z.number() });

/** Files of one upload together: clients send it as one form in base64, which the API holds in memory. */
const maxUploadBytes = 24 * 2 ** 20;
const sessionSeconds = 3_600;

/**
 * Static files as Cloudflare's clients send them: a session for a manifest, the contents by it, and a token that the
 * deploy then brings. The tokens look like JWTs because clients read `exp` from them, and are not signed: the first is
 * the caller's own credential, since clients authenticate with nothing else when they send contents, and what the second
 * says is checked again when it is deployed, as if the caller had said it to `/v1`.
 */
export function assetRoutes(face: CloudflareFace): void {
  face.on("post", "/accounts/:account/workers/scripts/:script/assets-upload-session", async (ask) => {
    const { manifest } = await bodyOf(ask, z.object({ manifest: manifestSchema }));
    const entries = Object.values(manifest);
    const bytes = entries.reduce((sum, { size }) => sum + size, 0);
    if (entries.length > maxAssets || bytes > maxUploadBytes) {
      throw new OpenWorkersError(
        "INVALID_INPUT",
        `${entries.length} files of ${bytes} bytes are more than can be sent this way (${maxUploadBytes} bytes).`,
        { hint: "Deploy with ow deploy, which reads the same wrangler file." },
      );
    }
    const content = new TextEncoder().encode(JSON.stringify(manifest));
    const hash = sha256(content);
    await ask.call.together(async (scope) => {
      await accountFor(scope, ask.account, { resource: "workers", action: "write" });
      await uploadAssets(scope.database, scope.caller, new Map([[hash, content]]));
    });
    if (entries.length === 0) return success({ jwt: tokenOf({ files: [] }), buckets: [] });
    const { credential } = ask.call;
    const session = tokenOf({ credential, account: ask.account, manifest: hash });
    return success({ jwt: session, buckets: [[...new Set(entries.map((entry) => entry.hash))]] });
  });

  face.on(
    "post",
    "/accounts/:account/workers/assets/upload",
    async (ask) => {
      const session = inputOf(
        sessionSchema,
        payloadOf(ask.call.request.headers.get("x-upload-session") ?? ""),
      );
      const form = await formBody(ask.call.request);
      const contents = new Map<string, Uint8Array>();
      const sent = new Map<string, { hash: string; size: number; contentType: string }>();
      for (const [name, part] of partsOf(form)) {
        const text = typeof part === "string" ? part : await part.text();
        const bytes = decoded(name, text);
        const type = typeof part === "string" ? "" : part.type;
        const contentType = type === "" || type === "application/null" ? "application/octet-stream" : type;
        const hash = sha256(bytes);
        contents.set(hash, bytes);
        sent.set(name, { hash, size: bytes.byteLength, contentType });
      }
      const manifest = await ask.call.together(async (scope) => {
        await accountFor(scope, session.account, { resource: "workers", action: "write" });
        await uploadAssets(scope.database, scope.caller, contents);
        const row = await scope.queries
          .selectFrom("blob_uploads")
          .innerJoin("blobs", "blobs.hash", "blob_uploads.hash")
          .select("content")
          .where("user_id", "=", scope.caller)
          .where("blobs.hash", "=", session.manifest)
          .executeTakeFirst();
        if (row === undefined) throw new OpenWorkersError("NOT_FOUND", "The upload's session is over.");
        return inputOf(manifestSchema, JSON.parse(Buffer.from(row.content).toString()));
      });
      const files = Object.entries(manifest).map(([path, { hash }]) => {
        const file = sent.get(hash);
        if (file === undefined)
          throw new OpenWorkersError("INVALID_INPUT", `${path}: its content was not sent.`);
        return { path, ...file };
      });
      return success({ jwt: tokenOf({ files }) });
    },
    { credential: withSession },
  );
}

/** The files that a token from an upload names. @throws OpenWorkersError INVALID_INPUT when it is none, or has expired */
export function sentFiles(token: string): z.output<typeof sentSchema>["files"] {
  const { files } = inputOf(sentSchema, payloadOf(token));
  return files;
}

/** An upload authenticates with its session's token, in which the caller's credential is. */
function withSession(request: Request): Request {
  const token = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  const { credential } = inputOf(sessionSchema, payloadOf(token));
  const headers = new Headers(request.headers);
  headers.set("authorization", `Bearer ${credential}`);
  headers.set("x-upload-session", token);
  return new Request(request, { headers });
}

function tokenOf(payload: object): string {
  const exp = Math.floor(Date.now() / 1_000) + sessionSeconds;
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none", typ: "JWT" })}.${part({ ...payload, exp })}.`;
}

/** @throws OpenWorkersError UNAUTHORIZED */
function payloadOf(token: string): unknown {
  const refused = (cause?: unknown) =>
    new OpenWorkersError("UNAUTHORIZED", "The upload's token is none, or has expired.", { cause });
  let payload: unknown;
  try {
    payload = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  } catch (cause) {
    throw refused(cause);
  }
  const exp = z.object({ exp: z.number() }).safeParse(payload).data?.exp ?? 0;
  if (exp * 1_000 < Date.now()) throw refused();
  return payload;
}

function decoded(name: string, text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", `${name}: it is not base64.`, { cause });
  }
}

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
