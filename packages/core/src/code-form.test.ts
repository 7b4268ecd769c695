import { describe, expect, test } from "bun:test";
import { codeForm, codeMetadataSchema, formMetadata, readCode } from "./code-form.ts";
import type { WorkerCode } from "./worker-code.ts";

const code: WorkerCode = {
  modules: [
    { name: "index.js", type: "esModule", content: Buffer.from("import './metadata.wasm'") },
    { name: "lib/metadata.wasm", type: "wasm", content: new Uint8Array([0, 255, 13, 10, 45, 45]) },
  ],
  compatibilityDate: "2026-11-01",
  compatibilityFlags: ["nodejs_compat"],
  sourceMaps: new Map([["index.js", Buffer.from("{}")]]),
};

/** As it arrives: through multipart/form-data. */
async function sent(form: FormData): Promise<FormData> {
  const request = new Request("http://api.test/", { method: "POST", body: form });
  const bytes = await request.clone().arrayBuffer();
  return (await new Response(bytes, { headers: request.headers }).formData()) as unknown as FormData;
}

async function read(form: FormData) {
  return readCode(form, codeMetadataSchema.parse(await formMetadata(form)));
}

describe("a form with a worker's code", () => {
  test("is read as it was sent, byte by byte", async () => {
    const got = await read(await sent(codeForm(code, { message: "x" })));
    expect(got.modules.map(({ name, type }) => [name, type])).toEqual([
      ["index.js", "esModule"],
      ["lib/metadata.wasm", "wasm"],
    ]);
    expect(Buffer.from(got.modules[1]?.content ?? [])).toEqual(Buffer.from([0, 255, 13, 10, 45, 45]));
    expect(Buffer.from(got.sourceMaps.get("index.js") ?? []).toString()).toBe("{}");
    expect(got.compatibilityFlags).toEqual(["nodejs_compat"]);
  });

  test("without one of its modules is refused with the module's name", async () => {
    const form = codeForm(code);
    form.delete("lib/metadata.wasm");
    await expect(read(form)).rejects.toMatchObject({
      code: "INVALID_INPUT",
      details: { issues: [{ path: "lib/metadata.wasm" }] },
    });
  });

  test("with a part that the metadata does not name is refused", async () => {
    const form = codeForm(code);
    form.set("other.js", "1");
    await expect(read(form)).rejects.toMatchObject({ details: { issues: [{ path: "other.js" }] } });
  });

  test("whose metadata is missing or no JSON is refused", async () => {
    await expect(formMetadata(new FormData())).rejects.toMatchObject({ code: "INVALID_INPUT" });
    const form = new FormData();
    form.set("metadata", "{");
    await expect(formMetadata(form)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });
});
