import { z } from "zod";

/** Files of one version, and bytes of one file, as on Cloudflare. */
export const maxAssets = 20_000;
export const maxAssetBytes = 25 * 2 ** 20;

/** Rules of `_headers`, of `_redirects` without and with a wildcard, and of `run_worker_first`. */
export const maxHeaderRules = 100;
export const maxStaticRedirects = 2_000;
export const maxDynamicRedirects = 100;
export const maxWorkerFirstRules = 100;
/** Characters of a line in `_headers` and `_redirects`. */
export const maxRuleLine = 2_000;

export const htmlHandlings = [
  "auto-trailing-slash",
  "force-trailing-slash",
  "drop-trailing-slash",
  "none",
] as const;
export const notFoundHandlings = ["none", "404-page", "single-page-application"] as const;
export const redirectStatuses = [200, 301, 302, 303, 307, 308] as const;

// What ends a line, or is no text of a header field at all (RFC 9110 §5.5). Nothing else may be in the way of
// a rule: it becomes a piece of a response's head.
const fieldText = z
  .string()
  .max(maxRuleLine)
  .regex(/^[\t\x20-\x7e\xa0-\xff]*$/, "has characters that no header may have");
const fieldName = z
  .string()
  .max(256)
  .regex(/^[!#$%&'*+.^_`|~0-9a-z-]+$/, "is not the name of a header");

/** What only the platform says: how the response is framed, and whose it is. */
const reservedFields =
  /^(content-length|content-encoding|content-range|transfer-encoding|connection|keep-alive|proxy-connection|upgrade|te|trailer|date|x-request-id|x-termination-reason|x-ow-.*)$/;

export function isReservedField(name: string): boolean {
  return reservedFields.test(name.toLowerCase());
}

const allowedName = fieldName.refine((name) => !isReservedField(name), "is the platform's to set");

export const headerRuleSchema = z.object({
  /** A path, or `https://host/path`; `*` and `:name` stand for anything. */
  from: fieldText.min(1),
  set: z.array(z.tuple([allowedName, fieldText])),
  unset: z.array(allowedName),
});

export const redirectRuleSchema = z.object({
  from: fieldText.min(1),
  to: fieldText.min(1),
  status: z.union(redirectStatuses.map((status) => z.literal(status))),
});

/** How a version's static files are served; the manifest's `assets`, and what `_headers` and `_redirects` say. */
export const assetSettingsSchema = z.object({
  htmlHandling: z.enum(htmlHandlings),
  notFoundHandling: z.enum(notFoundHandlings),
  /** Patterns of paths that are the worker's before a file is looked for; `!` in front for those that are not. */
  runWorkerFirst: z.union([z.boolean(), z.array(z.string().min(1).max(101)).max(maxWorkerFirstRules)]),
  /** There is no worker: what is no file is not found. */
  only: z.boolean(),
  headers: z.array(headerRuleSchema).max(maxHeaderRules),
  redirects: z.array(redirectRuleSchema).max(maxStaticRedirects + maxDynamicRedirects),
});

export type AssetSettings = z.infer<typeof assetSettingsSchema>;
export type HeaderRule = z.infer<typeof headerRuleSchema>;
export type RedirectRule = z.infer<typeof redirectRuleSchema>;

export const assetFileSchema = z.object({
  /** Where it lies under the directory, from `/` on, not encoded. */
  path: z
    .string()
    .max(1_024)
    .regex(/^(\/[^/\0]+)+$/)
    .refine((path) => !path.split("/").some((part) => part === "." || part === ".."), "is no plain path"),
  /** SHA-256 of the content, lower-case hex: its key in `blobs`. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.int().min(0).max(maxAssetBytes),
  contentType: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[\x20-\x7e]+$/),
});

/** A static file as a version refers to it. */
export type AssetFile = z.infer<typeof assetFileSchema>;
