import { z } from "@hono/zod-openapi";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { errorSchema } from "../http/errors.ts";
import type { Operation } from "./operations.ts";

/** What an operation answered. */
export interface FuzzedAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Of a stream its beginning. */
  readonly text: string;
}

const wholeError = z.strictObject({ error: errorSchema.shape.error.strict() });

/** Says what of an answer is not as a document has it, or not fit for anybody. */
export class Judge {
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: true });

  constructor(document: object) {
    addFormats.default(this.#ajv);
    this.#ajv.addSchema(document, "document");
  }

  /** Nothing, for an answer that is right. */
  faults(operation: Operation, answer: FuzzedAnswer): string[] {
    const { status, headers, text } = answer;
    const documented = operation.responses[status];
    const faults: string[] = [];
    if (status >= 500 && !isLimit(answer)) faults.push(`${status} is nobody's fault but ours`);
    if (documented === undefined) faults.push(`${status} is not documented`);
    const type = headers.get("content-type");
    if (status >= 400) return [...faults, ...errorFaults(answer)];
    const content = Object.entries(documented?.content ?? {});
    if (content.length === 0) {
      if (text !== "" || type !== null) faults.push(`a ${status} with a body of ${type}`);
      return faults;
    }
    const entry = content.find(([media]) => matches(media, type));
    if (entry === undefined) return [...faults, `${type} is not documented for ${status}`];
    const [media] = entry;
    if (media !== "application/json") return faults;
    const pointer = `${operation.pointer}/responses/${status}/content/application~1json/schema`;
    const validate = this.#ajv.getSchema(`document#${encodeURI(pointer)}`);
    if (validate === undefined) return [...faults, `no schema at ${pointer}`];
    if (!validate(JSON.parse(text))) faults.push(this.#ajv.errorsText(validate.errors));
    return faults;
  }
}

function errorFaults({ status, headers, text }: FuzzedAnswer): string[] {
  if (!matches("application/json", headers.get("content-type"))) return ["the error is no JSON"];
  const parsed = wholeError.safeParse(JSON.parse(text));
  if (!parsed.success) return [`the error is of another shape: ${parsed.error.message}`];
  const { code, message, hint, details, requestId } = parsed.data.error;
  const faults: string[] = [];
  if (message === "") faults.push("the error says nothing");
  if (requestId !== headers.get("x-request-id")) faults.push("the request's id is another in its header");
  if (code === "NOT_FOUND" && hint === undefined) faults.push(`it says no way on: ${message}`);
  if (status === 400 && code.startsWith("INVALID_") && !namesFields(details)) {
    faults.push(`${code} names no field: ${message}`);
  }
  return faults;
}

const issues = z.array(z.object({ path: z.string(), message: z.string() })).min(1);

function namesFields(details: Readonly<Record<string, unknown>> | undefined): boolean {
  return issues.safeParse(details?.issues).success;
}

/** A limit that is named as such is an answer; whatever else goes wrong is not. */
function isLimit({ status, text }: FuzzedAnswer): boolean {
  return status === 503 && text.includes('"code":"OVERLOADED"');
}

function matches(media: string, type: string | null): boolean {
  return media === "*/*" || type?.split(";")[0]?.trim() === media;
}
