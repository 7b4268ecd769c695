import { checkMetadataSchema, formMetadata, OpenWorkersError, readCode } from "@openworkers/core";
import type { Fetch } from "../platform/services.ts";

/** The platform's services as far as routes need them without a runner. */
export const services: Fetch = {
  async fetch(request) {
    try {
      const { pathname } = new URL(request.url);
      if (request.method === "POST" && pathname === "/check") {
        const form = (await request.formData()) as unknown as FormData;
        const code = await readCode(form, checkMetadataSchema.parse(await formMetadata(form)));
        if (Buffer.from(code.modules[0]?.content ?? []).includes("throw")) {
          throw new OpenWorkersError("START_FAILED", "Uncaught Error: at the top", {
            details: { stack: "…" },
          });
        }
        return Response.json({ entrypoints: [], handlers: ["fetch"], startMs: 1 });
      }
      throw new OpenWorkersError("NOT_FOUND", `There is no ${pathname}.`);
    } catch (thrown) {
      if (!(thrown instanceof OpenWorkersError)) throw thrown;
      return Response.json(thrown.toJSON(), { status: thrown.status });
    }
  },
};
