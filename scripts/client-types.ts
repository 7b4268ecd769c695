#!/usr/bin/env bun
/**
 * Writes the types of the API's client from the API's own document: npx bun scripts/client-types.ts
 */
import { join } from "node:path";
import { clientTypes, generatedFile } from "../packages/client/src/generate.ts";

await Bun.write(join(import.meta.dir, "..", generatedFile), await clientTypes());
