import { previewAnswerSchema, previewRequestSchema, type WorkerId } from "@openworkers/core";
import { find } from "../../access/owned.ts";
import type { Routes } from "../../http/route.ts";
import { workerParams } from "./schema.ts";

export function previewRoutes(routes: Routes): void {
  routes.add(
    {
      method: "post",
      path: "/workers/{worker}/preview",
      tag: "Workers",
      summary: "Send a request to a worker, as a client would, and tell what it answered",
      description:
        "For whoever may deploy it. Redirects are not followed, fields about where a request comes from are left out, and an answer is told up to 1 MiB or three seconds after its beginning. In the worker's logs it is a `preview`.",
      params: workerParams,
      body: previewRequestSchema,
      result: previewAnswerSchema,
    },
    async ({ params, body, together, platform, request }) => {
      const { id } = await together((scope) =>
        find<WorkerId>(scope, "worker", { nameOrId: params.worker, action: "write" }),
      );
      return platform.json(previewAnswerSchema, `/workers/${id}/preview`, {
        method: "POST",
        body: JSON.stringify(body),
        signal: request.signal,
      });
    },
  );
}
