import { createRequire } from "node:module";
import { z } from "zod";

const module = z.object({ default: z.string(), compatibilityDate: z.iso.date(), version: z.string() });

/** The pinned workerd: its binary, and the newest compatibility date that it knows. */
export const workerdBinary = (() => {
  const parsed = module.parse(createRequire(import.meta.url)("workerd"));
  return { path: parsed.default, compatibilityDate: parsed.compatibilityDate, version: parsed.version };
})();
