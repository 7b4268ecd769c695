import { z } from "@hono/zod-openapi";
import { maxAssetBytes, maxAssets, OpenWorkersError } from "@openworkers/core";
import { missingAssets, uploadAssets } from "@openworkers/db/stores";
import { accountFor } from "../../access/account.ts";
import { formBody } from "../../http/body.ts";
import type { Routes } from "../../http/route.ts";

const tag = "Assets";
const hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .openapi({ description: "SHA-256 of a content, lower-case hex." });

export function assetRoutes(routes: Routes): void {
  routes.add(
    {
      method: "post",
      path: "/assets/missing",
      tag,
      summary: "Ask which contents of static files must be sent before a deploy may name them",
      body: z.strictObject({ hashes: z.array(hash).max(maxAssets) }),
      result: z.object({ missing: z.array(hash) }),
    },
    ({ body, together }) =>
      together(async (scope) => {
        await accountFor(scope, undefined, { resource: "workers", action: "write" });
        return { missing: [...(await missingAssets(scope.database, scope.caller, body.hashes))] };
      }),
  );

  routes.add(
    {
      method: "post",
      path: "/assets",
      tag,
      summary: "Send contents of static files, for a deploy within a day",
      description: "A form with a part for each content, named by its hash.",
      raw: {
        type: "multipart/form-data",
        schema: z.object({}).catchall(z.string().openapi({ format: "binary" })),
      },
    },
    async ({ request, together }) => {
      const form = await formBody(request);
      const contents = new Map<string, Uint8Array>();
      for (const [name, content] of form.entries()) {
        const bytes = await bytesOf(content);
        if (!hash.safeParse(name).success || bytes.byteLength > maxAssetBytes) {
          throw new OpenWorkersError("INVALID_INPUT", `The part "${name}" is no content by its hash.`, {
            details: { issues: [{ path: name, message: "is no content by its hash", in: "body" }] },
          });
        }
        contents.set(name, bytes);
      }
      await together(async (scope) => {
        await accountFor(scope, undefined, { resource: "workers", action: "write" });
        await uploadAssets(scope.database, scope.caller, contents);
      });
    },
  );
}

async function bytesOf(content: string | Blob): Promise<Uint8Array> {
  return typeof content === "string"
    ? new TextEncoder().encode(content)
    : new Uint8Array(await content.arrayBuffer());
}
