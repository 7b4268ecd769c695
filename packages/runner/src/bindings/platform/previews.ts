import {
  maxPreviewAnswerBytes,
  maxPreviewBodyBytes,
  OpenWorkersError,
  type PreviewAnswer,
  type PreviewRequest,
  previewRequestSchema,
} from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { Places } from "../../subrequests/places.ts";
import { mustBeAllowed, notFound, parseId } from "./access.ts";
import type { PlatformCaller } from "./gateway.ts";
import { readBody } from "./read-body.ts";

/** Sends a request to a worker, as if a client had: by `host`'s first label. Redirects are not followed. */
export type SendPreview = (
  label: string,
  path: string,
  init: RequestInit & { readonly headers: Headers },
) => Promise<Response>;

/** Under way at a time. */
const maxPreviews = 16;
/** A little longer than a worker may take by default: its own limit is to be told. */
const headMs = 35_000;
/** From then on; a stream that has no end is shown as far as it came. */
const bodyMs = 3_000;
/** JSON around a body in base64. */
const maxAskBytes = 2 * maxPreviewBodyBytes + 2 ** 21;

const what = "worker";

/**
 * Never passed on: fields that say where a request came from or how it is framed. A preview is a client that nothing is
 * believed of.
 */
const withheld =
  /^(?:host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|content-length|upgrade|expect|forwarded|via|x-forwarded-.*|x-real-ip|x-request-id|cf-.*|x-ow-.*|openworkers-.*)$/i;

/** Requests that people try on their own workers. */
export class Previews {
  readonly #database: Database;
  readonly #send: SendPreview | undefined;
  readonly #places = new Places(maxPreviews);

  constructor(database: Database, send: SendPreview | undefined) {
    this.#database = database;
    this.#send = send;
  }

  /**
   * `POST /workers/<id>/preview`. For whoever may deploy the worker: they can have it run anything, while its host may be
   * closed to those who only read.
   *
   * @throws OpenWorkersError NOT_FOUND, FORBIDDEN, INVALID_INPUT, BODY_TOO_LARGE, OVERLOADED
   */
  async answer(request: Request, id: string, caller: PlatformCaller): Promise<Response> {
    const workerId = parseId<"worker">(id, what);
    const found = await this.#database.read((queries) =>
      queries
        .selectFrom("workers")
        .select(["name", "owner_id as owner"])
        .where("id", "=", workerId)
        .executeTakeFirst(),
    );
    if (found === undefined) throw notFound(what);
    await mustBeAllowed(caller, found.owner, "workers", "write", what);
    const asked = await readAsked(request);
    const slow = AbortSignal.timeout(headMs);
    const signal = AbortSignal.any([request.signal, slow]);
    try {
      using _place = await this.#places.take(signal);
      const label = asked.version === undefined ? found.name : `${asked.version}--${found.name}`;
      return Response.json(await this.#ask(label, asked, signal));
    } catch (thrown) {
      request.signal.throwIfAborted();
      if (!slow.aborted) throw thrown;
      throw new OpenWorkersError("OVERLOADED", `The worker did not answer within ${headMs / 1_000} seconds.`);
    }
  }

  async #ask(label: string, asked: PreviewRequest, signal: AbortSignal): Promise<PreviewAnswer> {
    const { method, path, body } = asked;
    const headers = headersOf(asked);
    if (this.#send === undefined) {
      throw new OpenWorkersError("OVERLOADED", "No worker runs in this process: nothing can be tried here.");
    }
    const bodyless = method === "GET" || method === "HEAD";
    if (bodyless && body !== undefined) throw invalid("body", `A ${method} has no body.`);
    const began = performance.now();
    const answer = await this.#send(label, path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: Buffer.from(body, "base64") }),
      signal,
    });
    const head = performance.now() - began;
    const { bytes, truncated } = await readSome(answer);
    return {
      requestId: answer.headers.get("x-request-id"),
      status: answer.status,
      statusText: answer.statusText,
      headers: [...answer.headers],
      body: bytes.toString("base64"),
      truncated,
      headMs: head,
      totalMs: performance.now() - began,
    };
  }
}

async function readAsked(request: Request): Promise<PreviewRequest> {
  const bytes = await readBody(request, maxAskBytes);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", "The body is not JSON.", { cause });
  }
  const parsed = previewRequestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(issue?.path.join(".") ?? "", issue?.message ?? "is no request");
}

function headersOf({ headers: given }: PreviewRequest): Headers {
  const headers = new Headers({ "user-agent": "OpenWorkers-Preview", "accept-encoding": "identity" });
  const own = new Set<string>();
  for (const [name, value] of given) {
    if (withheld.test(name)) continue;
    try {
      // The first of a name takes the place of ours, the others stand beside it.
      if (own.has(name.toLowerCase())) headers.append(name, value);
      else headers.set(name, value);
      own.add(name.toLowerCase());
    } catch {
      throw invalid("headers", `"${name.slice(0, 100)}" cannot be a header with that value.`);
    }
  }
  return headers;
}

async function readSome({ body }: Response): Promise<{ bytes: Buffer; truncated: boolean }> {
  const parts: Uint8Array[] = [];
  let size = 0;
  if (body === null) return { bytes: Buffer.alloc(0), truncated: false };
  const reader = body.getReader();
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), bodyMs);
  try {
    while (size < maxPreviewAnswerBytes) {
      const next = await Promise.race([reader.read(), late]);
      if (next === "late") break;
      if (next.done) return { bytes: Buffer.concat(parts), truncated: false };
      parts.push(next.value);
      size += next.value.byteLength;
    }
  } finally {
    clearTimeout(timer);
  }
  // The worker sees its client leave.
  await reader.cancel();
  return { bytes: Buffer.concat(parts).subarray(0, maxPreviewAnswerBytes), truncated: true };
}

function invalid(field: string, message: string): OpenWorkersError {
  return new OpenWorkersError("INVALID_INPUT", `${field}: ${message}`, {
    details: { issues: [{ path: field, message, in: "body" }] },
  });
}
