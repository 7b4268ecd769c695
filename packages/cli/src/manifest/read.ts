import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { messageOf, OpenWorkersError } from "@openworkers/core";
import { type ParseError, parse as parseJsonc, printParseErrorCode } from "jsonc-parser";
import { parse as parseToml } from "smol-toml";
import { bindingKeys } from "./binding-keys.ts";
import { isEmpty, keyWarnings } from "./keys.ts";
import { type ManifestFile, type ManifestSection, manifestFileSchema } from "./schema.ts";

/** In the order in which wrangler looks for them. */
export const manifestNames = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"] as const;

export interface ReadManifest {
  /** The file with the chosen `env` section laid over it. */
  readonly manifest: ManifestSection;
  readonly warnings: readonly string[];
}

/**
 * The manifest in `file`, with the section `env.<environment>` applied when one is named.
 *
 * @throws OpenWorkersError INVALID_MANIFEST (cannot be read, a value of the wrong form, no such section)
 */
export async function readManifest(file: string, environment?: string): Promise<ReadManifest> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new OpenWorkersError("INVALID_MANIFEST", `${file} cannot be read: ${messageOf(cause)}.`, { cause });
  });
  const parsed = manifestFileSchema.safeParse(parseText(file, text));
  if (!parsed.success) {
    const issues = parsed.error.issues.map(
      ({ path, message }) => `${path.join(".") || "the file"}: ${message}`,
    );
    throw new OpenWorkersError("INVALID_MANIFEST", `${basename(file)}: ${issues.join("; ")}.`, {
      details: { file, issues },
    });
  }
  const { env, ...top } = parsed.data;
  const warnings = keyWarnings(top, "");
  if (environment === undefined) return { manifest: top, warnings };
  const section = env?.[environment];
  if (section === undefined) throw unknownEnvironment(file, environment, env);
  return {
    manifest: overlay(top, section, environment),
    warnings: [
      ...warnings,
      ...keyWarnings(section, `env.${environment}.`),
      ...missedKeys(top, section, environment),
    ],
  };
}

/** What an environment has of its own or not at all; as in wrangler, whose staging shall not write production's data. */
const ownKeys = ["vars", ...Object.keys(bindingKeys)];

function missedKeys(top: ManifestSection, section: ManifestSection, environment: string): string[] {
  return ownKeys
    .filter((key) => !isEmpty(top[key]) && section[key] === undefined)
    .map((key) => `${key} is not inherited by env.${environment}; write it there if it is wanted.`);
}

// As wrangler does it: vars and bindings belong to one environment and are not inherited, all else is; and the worker
// of an environment gets a name of its own, so that staging does not replace production.
function overlay(top: ManifestSection, section: ManifestSection, environment: string): ManifestSection {
  const { route: topRoute, routes: topRoutes, ...rest } = top;
  const inherited = Object.fromEntries(Object.entries(rest).filter(([key]) => !ownKeys.includes(key)));
  const ownRoutes = section.route !== undefined || section.routes !== undefined;
  const routes = ownRoutes ? {} : { route: topRoute, routes: topRoutes };
  const name = section.name ?? (top.name === undefined ? undefined : `${top.name}-${environment}`);
  return { ...inherited, ...routes, ...section, name };
}

function unknownEnvironment(file: string, name: string, env: ManifestFile["env"]): OpenWorkersError {
  const known = Object.keys(env ?? {});
  return new OpenWorkersError("INVALID_MANIFEST", `${basename(file)} has no section env.${name}.`, {
    hint: known.length === 0 ? "It has no env sections at all." : `It has: ${known.join(", ")}.`,
  });
}

function parseText(file: string, text: string): unknown {
  if (file.endsWith(".toml")) {
    try {
      return parseToml(text);
    } catch (cause) {
      throw new OpenWorkersError("INVALID_MANIFEST", `${basename(file)}: ${messageOf(cause).trim()}`, {
        cause,
      });
    }
  }
  const errors: ParseError[] = [];
  const value: unknown = parseJsonc(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first) {
    const before = text.slice(0, first.offset).split("\n");
    const position = `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
    throw new OpenWorkersError(
      "INVALID_MANIFEST",
      `${basename(file)}:${position}: ${printParseErrorCode(first.error)}.`,
    );
  }
  return value;
}
