import { z } from "zod";

/** Module kinds, as workerd's `Worker.Module` union names them. */
export const moduleTypes = ["esModule", "commonJsModule", "text", "data", "wasm", "json"] as const;

export const moduleRefSchema = z.object({
  /** Path as the importing module resolves it, e.g. `index.js` or `lib/add.wasm`. */
  name: z.string().min(1).max(1_024),
  type: z.enum(moduleTypes),
  /** SHA-256 of the content, lower-case hex: its key in `blobs`. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.int().min(0),
});

/** A module as a version stores it: the content is in `blobs`. */
export type ModuleRef = z.infer<typeof moduleRefSchema>;

/** A module with its content. */
export interface Module {
  readonly name: string;
  readonly type: (typeof moduleTypes)[number];
  readonly content: Uint8Array;
}

/** What a worker's code needs to run: the first module is the main one. */
export interface WorkerCode {
  readonly modules: readonly Module[];
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  /** Source maps by module name, for stack traces only; never given to the cell. */
  readonly sourceMaps: ReadonlyMap<string, Uint8Array>;
}

/** What `env` holds under a name. `json` is the text of a JSON value. */
export type EnvValue =
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "json"; readonly value: string };
