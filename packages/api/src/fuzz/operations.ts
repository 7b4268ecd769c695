import type { openApiDocument } from "../document.ts";

/** A JSON Schema, as documents have them. */
export type Schema = Readonly<Record<string, unknown>>;

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header" | "cookie";
  readonly required?: boolean;
  readonly schema: Schema;
}

/** What an operation takes or gives, by media type. */
export type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

/** An operation of an OpenAPI document. */
export interface Operation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  /** Where it stands in the document, as a JSON pointer. */
  readonly pointer: string;
  /** Whether nobody need have signed in. */
  readonly open: boolean;
  readonly parameters: readonly Parameter[];
  readonly body: Content;
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

interface Described {
  readonly security?: readonly object[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Operation["responses"];
}

/** Every operation of a document, in its order. */
export function operationsOf({ paths = {} }: ReturnType<typeof openApiDocument>): readonly Operation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Described>).map(([method, described]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      pointer: `/paths/${path.replaceAll("~", "~0").replaceAll("/", "~1")}/${method}`,
      open: described.security?.length === 0,
      parameters: described.parameters ?? [],
      body: described.requestBody?.content ?? {},
      responses: described.responses,
    })),
  );
}
