import fc from "fast-check";
import { hostileBytes, hostileSegment, hostileText, jsonText } from "./hostile.ts";
import { spoiltJson, validJson } from "./json.ts";
import type { Operation, Parameter, Schema } from "./operations.ts";

export const callers = ["owner", "operator", "viewer", "session", "nobody", "stranger"] as const;
/** With whose credential a request comes: a stranger's is none of ours. */
export type Caller = (typeof callers)[number];

/** What stands in a path for a parameter: what there is, or text as it is sent. */
export type Segment = { readonly known: true } | { readonly text: string };

export interface Body {
  readonly type: string | undefined;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A request that was made up for an operation. */
export interface FuzzedRequest {
  readonly caller: Caller;
  readonly params: Readonly<Record<string, Segment>>;
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body | undefined;
}

/** Requests for an operation: as its description wants them, nearly so, and not at all. */
export function requestOf(operation: Operation, components: object): fc.Arbitrary<FuzzedRequest> {
  const of = (where: Parameter["in"]) => operation.parameters.filter((parameter) => parameter.in === where);
  return fc.record({
    caller: fc.oneof(
      { weight: 8, arbitrary: fc.constant(usualCaller(operation)) },
      { weight: 4, arbitrary: fc.constantFrom(...callers) },
    ),
    params: fc.record(
      Object.fromEntries(of("path").map((parameter) => [parameter.name, segment(parameter, components)])),
    ),
    query: query(of("query"), components),
    headers: headers(operation),
    body: body(operation, components),
  });
}

/** The simplest request that is as the description wants it. */
export function plainRequest(operation: Operation, components: object): fc.Arbitrary<FuzzedRequest> {
  const [type] = Object.keys(operation.body);
  const required = operation.parameters.filter((each) => each.in === "query" && each.required === true);
  return fc.record({
    caller: fc.constant(usualCaller(operation)),
    params: fc.constant(
      Object.fromEntries(
        operation.parameters.flatMap(({ in: where, name }) =>
          where === "path" ? [[name, { known: true }] as const] : [],
        ),
      ),
    ),
    query: fc.tuple(...required.map((parameter) => queryPair(parameter, components))),
    headers: fc.constant({}),
    body: type === undefined ? fc.constant(undefined) : wellFormed(operation, type, components),
  });
}

function usualCaller({ path }: Operation): Caller {
  if (path.startsWith("/v1/auth/")) return "session";
  return path.startsWith("/v1/system/") ? "operator" : "owner";
}

function segment({ schema }: Parameter, components: object): fc.Arbitrary<Segment> {
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant({ known: true } as const) },
    {
      weight: 1,
      arbitrary: validJson(schema, components).map((value) => ({
        text: encodeURIComponent(String(value).toWellFormed()),
      })),
    },
    { weight: 2, arbitrary: hostileSegment.map((text) => ({ text })) },
  );
}

function queryPair({ name, schema }: Parameter, components: object): fc.Arbitrary<readonly [string, string]> {
  return validJson({ type: "object", properties: { [name]: schema }, required: [name] }, components).map(
    (value) => [name, String((value as Record<string, unknown>)[name])] as const,
  );
}

function query(
  parameters: readonly Parameter[],
  components: object,
): fc.Arbitrary<readonly (readonly [string, string])[]> {
  const unknown = fc.tuple(fc.constantFrom("nonsense", "__proto__", "limit", "account"), hostileText);
  const each = parameters.flatMap((parameter) => [
    { weight: 4, arbitrary: queryPair(parameter, components) },
    { weight: 1, arbitrary: hostileText.map((text) => [parameter.name, text.slice(0, 5_000)] as const) },
  ]);
  const pairs = fc.array(fc.oneof(...each, { weight: 1, arbitrary: unknown }), { maxLength: 4 });
  const required = parameters.filter((parameter) => parameter.required === true);
  return fc.oneof(
    { weight: 2, arbitrary: fc.tuple(...required.map((parameter) => queryPair(parameter, components))) },
    { weight: 2, arbitrary: pairs },
  );
}

// Of bytes that a header may hold: others no client can send.
const headerText = fc
  .oneof(hostileText, fc.constantFrom("*", '"x"', 'W/"x"', '"', ",", "known", "known-2", "a".repeat(300)))
  .map((text) => text.replaceAll(/[^\x20-\x7e\xa0-\xff]/g, "").trim());

function headers({ parameters }: Operation): fc.Arbitrary<Readonly<Record<string, string>>> {
  const documented = parameters.flatMap((each) => (each.in === "header" ? [each.name] : []));
  const names = [
    ...documented,
    "if-none-match",
    "range",
    "x-request-id",
    "last-event-id",
    "accept",
    "origin",
  ];
  const some = fc.array(fc.tuple(fc.constantFrom(...names), headerText), { maxLength: 3 });
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: some.map((pairs) => Object.fromEntries(pairs)) },
  );
}

function body(operation: Operation, components: object): fc.Arbitrary<Body | undefined> {
  const wrong = fc.record({
    type: fc.constantFrom(
      undefined,
      "application/json",
      "text/plain",
      "multipart/form-data",
      "application/x-www-form-urlencoded",
      "nonsense",
      "application/json; charset=utf-16",
    ),
    bytes: hostileBytes,
  });
  const [type] = Object.keys(operation.body);
  if (type === undefined) {
    const mayHaveOne = operation.method === "GET" ? fc.constant(undefined) : wrong;
    return fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: mayHaveOne });
  }
  return fc.oneof(
    { weight: 4, arbitrary: wellFormed(operation, type, components) },
    { weight: 5, arbitrary: spoilt(operation, type, components) },
    { weight: 1, arbitrary: wrong },
    { weight: 1, arbitrary: fc.record({ type: fc.constant(type), bytes: hostileBytes }) },
  );
}

function wellFormed(operation: Operation, type: string, components: object): fc.Arbitrary<Body> {
  const schema = operation.body[type]?.schema ?? {};
  if (type === "application/octet-stream") return bytesBody(type);
  if (type === "multipart/form-data") {
    return validJson(metadataOf(schema), components).chain((metadata) => formBody(metadata));
  }
  return validJson(schema, components).map((value) => jsonBody(type, value));
}

function spoilt(operation: Operation, type: string, components: object): fc.Arbitrary<Body> {
  const schema = operation.body[type]?.schema ?? {};
  if (type === "application/octet-stream") return bytesBody(type);
  if (type === "multipart/form-data") {
    return spoiltJson(metadataOf(schema), components).chain((metadata) => formBody(metadata));
  }
  return spoiltJson(schema, components).map((value) => jsonBody(type, value));
}

function bytesBody(type: string): fc.Arbitrary<Body> {
  return fc.uint8Array({ maxLength: 100 }).map((bytes) => ({ type, bytes: new Uint8Array(bytes) }));
}

function jsonBody(type: string, value: unknown): Body {
  return { type, bytes: new TextEncoder().encode(jsonText(value ?? null)) };
}

function metadataOf(schema: Schema): Schema {
  const { metadata } = (schema.properties ?? {}) as { metadata?: Schema };
  return metadata ?? {};
}

/** A form with this metadata, the module that it mostly names, and perhaps what nobody asked for. */
function formBody(metadata: unknown): fc.Arbitrary<Body> {
  const boundary = "fuzzed-boundary";
  const part = (name: string, content: string, more = "") =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n${content}\r\n`;
  const main = part("index.js", "export default {}", '; filename="index.js"');
  const file = part("0".repeat(64), "", '; filename="x"');
  const extra = fc.constantFrom(
    ["", ""],
    ["", ""],
    ["", ""],
    [part("nonsense", "x"), ""],
    [part("metadata", "again"), ""],
    [file, file],
    ["", part("map:index.js", "{}", '; filename="m"')],
    ["--", ""],
  ) as fc.Arbitrary<[string, string]>;
  return fc
    .tuple(extra, fc.constantFrom(main, main, main, "", main + main))
    .map(([[before, after], modules]) => ({
      type: `multipart/form-data; boundary=${boundary}`,
      bytes: new TextEncoder().encode(
        `${before}${part("metadata", jsonText(metadata ?? null))}${modules}${after}--${boundary}--\r\n`,
      ),
    }));
}
