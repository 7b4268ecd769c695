import { existsSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import type { Message } from "esbuild";
import { z } from "zod";

/** How many of esbuild's errors a message spells out; the rest is counted. */
const shownErrors = 10;

/** Whether `thrown` is what esbuild rejects with. */
export function isBuildFailure(thrown: unknown): thrown is Error & { errors: Message[] } {
  return thrown instanceof Error && "errors" in thrown && Array.isArray(thrown.errors);
}

/** BUNDLE_FAILED with each error's place and source line, and what to do where that is known. */
export async function bundleFailure(errors: readonly Message[], root: string): Promise<OpenWorkersError> {
  const shown = errors.slice(0, shownErrors).map(formatMessage);
  if (errors.length > shownErrors) shown.push(`… and ${errors.length - shownErrors} more errors`);
  const hint = await hintFor(errors, root);
  return new OpenWorkersError("BUNDLE_FAILED", `The worker cannot be bundled.\n\n${shown.join("\n\n")}`, {
    ...(hint === undefined ? {} : { hint }),
    details: {
      errors: errors.map(({ text, location }) => ({
        text,
        ...(location === null
          ? {}
          : {
              file: location.file,
              line: location.line,
              column: location.column + 1,
              lineText: location.lineText,
            }),
      })),
    },
  });
}

/** `file:line:column: text`, the source line and a mark under the place. */
export function formatMessage({ text, location, notes }: Message): string {
  const more = notes.filter((note) => !note.text.includes("as external")).map((note) => `  ${note.text}`);
  if (location === null) return [text, ...more].join("\n");
  const { file, line, column, length, lineText } = location;
  const gutter = `  ${line} | `;
  const indent = lineText.slice(0, column).replace(/[^\t]/g, " ");
  const mark = "~".repeat(Math.max(1, Math.min(length, lineText.length - column)));
  return [
    `${file}:${line}:${column + 1}: ${text}`,
    gutter + lineText,
    " ".repeat(gutter.length) + indent + mark,
    ...more,
  ].join("\n");
}

async function hintFor(errors: readonly Message[], root: string): Promise<string | undefined> {
  for (const { text } of errors) {
    const specifier = /^Could not resolve "([^"]+)"/.exec(text)?.[1];
    if (specifier === undefined || specifier.startsWith(".") || specifier.startsWith("/")) continue;
    if (builtinModules.includes(specifier)) {
      return `"${specifier}" is part of Node.js: add "nodejs_compat" to compatibility_flags in wrangler.jsonc.`;
    }
    const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
    const home = await packageFolder(root, name);
    if (home !== undefined)
      return `Run \`npm install\` in ${home}: ${name} is in its package.json but not installed.`;
    return `Run \`npm install ${name}\` in ${root}, or give the import another target with "alias" in wrangler.jsonc.`;
  }
  return undefined;
}

const dependenciesSchema = z.looseObject({
  dependencies: z.record(z.string(), z.string()).optional(),
  devDependencies: z.record(z.string(), z.string()).optional(),
  peerDependencies: z.record(z.string(), z.string()).optional(),
});

/** The nearest folder upwards whose package.json asks for `name`. */
async function packageFolder(from: string, name: string): Promise<string | undefined> {
  for (let folder = from; ; folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (existsSync(file)) {
      const parsed = dependenciesSchema.safeParse(await Bun.file(file).json());
      const lists = parsed.success
        ? Object.values(parsed.data).filter((list) => typeof list === "object")
        : [];
      if (lists.some((list) => list !== null && name in list)) return folder;
    }
    if (dirname(folder) === folder) return undefined;
  }
}
