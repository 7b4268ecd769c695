import {
  type CheckedStart,
  checkMetadataSchema,
  formMetadata,
  type Limits,
  maxScriptBytes,
  OpenWorkersError,
  readCode,
} from "@openworkers/core";
import type { ZodError } from "zod";
import { checkWorker } from "../../cells/check/check-worker.ts";
import type { CellHost } from "../../cells/process/cell-host.ts";
import { Places } from "../../subrequests/places.ts";
import { readBody } from "./read-body.ts";

/** Throw-away cells at a time. */
export const maxChecks = 4;
/** Those who wait for one; whoever comes then is told to come again. */
const maxWaiting = 64;
/** All of it, the wait included. */
const checkMs = 30_000;
/** Modules, twice as much of source maps, and what surrounds them. */
const maxFormBytes = 3 * maxScriptBytes + 2 ** 20;

/** `POST /check`: starts the worker of a `codeForm` once. */
export class StartChecks {
  readonly #host: () => Pick<CellHost, "launchBlank">;
  readonly #places = new Places(maxChecks);
  #asked = 0;

  constructor(host: () => Pick<CellHost, "launchBlank">) {
    this.#host = host;
  }

  /** @throws OpenWorkersError START_FAILED, INVALID_INPUT, INVALID_LIMIT, BODY_TOO_LARGE, SCRIPT_TOO_LARGE, OVERLOADED */
  async answer(request: Request): Promise<Response> {
    if (this.#asked >= maxChecks + maxWaiting) throw overloaded();
    this.#asked += 1;
    try {
      return await this.#check(request);
    } finally {
      this.#asked -= 1;
    }
  }

  async #check(request: Request): Promise<Response> {
    const late = AbortSignal.timeout(checkMs);
    const signal = AbortSignal.any([request.signal, late]);
    // A body is read when it has its place: those that wait stay where they are.
    using _place = await this.#places.take(signal).catch((thrown: unknown) => {
      throw late.aborted ? overloaded() : thrown;
    });
    const form = await formOf(request);
    const metadata = checkMetadataSchema.safeParse(await formMetadata(form));
    if (!metadata.success) throw badMetadata(metadata.error);
    const { env, bindings, limits } = metadata.data;
    const code = await readCode(form, metadata.data);
    signal.throwIfAborted();
    const began = performance.now();
    const { handlers, entrypoints } = await checkWorker(
      {
        code,
        env: new Map(Object.entries(env)),
        bindings: new Map(Object.entries(bindings)),
        limits: given(limits),
      },
      this.#host(),
    );
    const startMs = Math.round(performance.now() - began);
    return Response.json({ handlers, entrypoints, startMs } satisfies CheckedStart);
  }
}

async function formOf(request: Request): Promise<FormData> {
  const type = request.headers.get("content-type") ?? "";
  const body = await readBody(request, maxFormBytes);
  try {
    // Bun's own types have two of these that do not know each other.
    return (await new Response(body, {
      headers: { "content-type": type },
    }).formData()) as unknown as FormData;
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", "The body is no multipart form.", { cause });
  }
}

function badMetadata(error: ZodError): OpenWorkersError {
  const issues = error.issues.map(({ path, message }) => ({
    path: ["metadata", ...path].join("."),
    message,
  }));
  return new OpenWorkersError("INVALID_INPUT", "The part metadata is not that of a worker to check.", {
    details: { issues },
  });
}

/** Without those that are not there: a limit is a number or absent. */
function given(limits: Readonly<Record<string, number | undefined>>): Partial<Limits> {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

function overloaded(): OpenWorkersError {
  return new OpenWorkersError("OVERLOADED", "Too many workers are being checked.", { hint: "Try again." });
}
