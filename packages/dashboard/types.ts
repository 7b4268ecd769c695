import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";

/** Before a build: the declarations that the editor loads, which lie outside of what the builder may read. */
const to = join(import.meta.dir, ".angular/types");
for (const name of ["cloudflare/workers-types", "openworkers/worker-types"]) {
  const folder = join(to, name.slice(name.indexOf("/") + 1));
  await mkdir(folder, { recursive: true });
  await copyFile(new URL(import.meta.resolve(`@${name}/index.d.ts`)), join(folder, "index.d.ts"));
}
