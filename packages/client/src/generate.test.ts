import { expect, test } from "bun:test";
import { join } from "node:path";
import { clientTypes, generatedFile } from "./generate.ts";

test("the client's types are those of the API's document; else run: npx bun scripts/client-types.ts", async () => {
  const kept = await Bun.file(join(import.meta.dir, "../../..", generatedFile)).text();
  expect(kept === (await clientTypes())).toBe(true);
});
