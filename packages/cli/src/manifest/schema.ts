import {
  bindingNamePattern,
  egressAllowSchema,
  htmlHandlings,
  limitsSchema,
  maxCronsPerWorker,
  maxWorkerFirstRules,
  messageOf,
  notFoundHandlings,
  parseCron,
} from "@openworkers/core";
import { z } from "zod";
import { bindingKeys } from "./binding-keys.ts";

const route = z.union([
  z.string().min(1),
  z.looseObject({
    pattern: z.string().min(1),
    custom_domain: z.boolean().optional(),
  }),
]);

export const ruleTypes = ["ESModule", "CommonJS", "CompiledWasm", "Text", "Data"] as const;

const rule = z.object({
  type: z.enum(ruleTypes),
  globs: z.array(z.string().min(1)).min(1),
  fallthrough: z.boolean().optional(),
});

export type Rule = z.infer<typeof rule>;

const date = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, "write it as YYYY-MM-DD");

const cron = z.string().check(({ value, issues }) => {
  try {
    parseCron(value);
  } catch (thrown) {
    issues.push({ code: "custom", message: messageOf(thrown), input: value });
  }
});

const workerFirstRule = z.string().max(100).regex(/^!?\//, "a rule begins with / or !/");

const assets = z.looseObject({
  directory: z.string().min(1),
  binding: z.string().regex(bindingNamePattern, "this cannot be a name on env").optional(),
  html_handling: z.enum(htmlHandlings).optional(),
  not_found_handling: z.enum(notFoundHandlings).optional(),
  run_worker_first: z
    .union([
      z.boolean(),
      z
        .array(workerFirstRule)
        .min(1)
        .max(maxWorkerFirstRules)
        .refine((rules) => rules.some((rule) => !rule.startsWith("!")), "at least one rule begins with /"),
    ])
    .optional(),
});

/** Keys that may stand at the top level and in an `env.<name>` section alike. */
const shared = {
  name: z.string().min(1).optional(),
  main: z.string().min(1).optional(),
  base_dir: z.string().min(1).optional(),
  compatibility_date: date.optional(),
  compatibility_flags: z.array(z.string().min(1)).optional(),
  vars: z.record(z.string().min(1), z.json()).optional(),
  ...bindingKeys,
  triggers: z.looseObject({ crons: z.array(cron).max(maxCronsPerWorker).optional() }).optional(),
  limits: z.looseObject({ cpu_ms: limitsSchema.shape.cpuMs.optional() }).optional(),
  assets: assets.optional(),
  openworkers: z
    .strictObject({
      limits: limitsSchema.partial().strict().optional(),
      egress: z.strictObject({ allow: egressAllowSchema.optional() }).optional(),
    })
    .optional(),
  route: route.optional(),
  routes: z.array(route).optional(),
  rules: z.array(rule).optional(),
  no_bundle: z.boolean().optional(),
  find_additional_modules: z.boolean().optional(),
  define: z.record(z.string().min(1), z.string()).optional(),
  alias: z.record(z.string().min(1), z.string()).optional(),
  minify: z.boolean().optional(),
  keep_names: z.boolean().optional(),
  tsconfig: z.string().min(1).optional(),
  jsx_factory: z.string().min(1).optional(),
  jsx_fragment: z.string().min(1).optional(),
};

const section = z.looseObject(shared);

/** A wrangler file, as far as this platform reads it; other keys are kept, for the warnings about them. */
export const manifestFileSchema = z.looseObject({
  ...shared,
  env: z.record(z.string().min(1), section).optional(),
});

export type ManifestFile = z.infer<typeof manifestFileSchema>;
export type ManifestSection = z.infer<typeof section>;
