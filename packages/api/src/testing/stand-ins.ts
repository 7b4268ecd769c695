import { checkMetadataSchema, formMetadata, OpenWorkersError, readCode } from "@openworkers/core";

/** `POST /check` without a cell: the end-to-end tests start workers. What says `throw` does not start. */
export async function checkWithoutCell(request: Request): Promise<Response> {
  try {
    const form = (await request.formData()) as unknown as FormData;
    const code = await readCode(form, checkMetadataSchema.parse(await formMetadata(form)));
    if (Buffer.from(code.modules[0]?.content ?? []).includes("throw")) {
      throw new OpenWorkersError("START_FAILED", "Uncaught Error: at the top", { details: { stack: "…" } });
    }
    return Response.json({ entrypoints: [], handlers: ["fetch"], startMs: 1 });
  } catch (thrown) {
    if (!(thrown instanceof OpenWorkersError)) throw thrown;
    return Response.json(thrown.toJSON(), { status: thrown.status });
  }
}
