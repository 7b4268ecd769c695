import { type FormParts, maxScriptBytes, OpenWorkersError, readCheckForm } from "@openworkers/core";
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

/** `POST /check`: starts the worker of a `checkForm` once. */
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
    const check = await readCheckForm(form);
    const bytes = check.code.modules.reduce((sum, { content }) => sum + content.byteLength, 0);
    if (bytes > maxScriptBytes) {
      throw new OpenWorkersError(
        "SCRIPT_TOO_LARGE",
        `The worker is ${bytes} bytes long; ${maxScriptBytes} are allowed.`,
      );
    }
    signal.throwIfAborted();
    const began = performance.now();
    const { handlers, entrypoints } = await checkWorker(check, this.#host());
    return Response.json({ handlers, entrypoints, startMs: Math.round(performance.now() - began) });
  }
}

async function formOf(request: Request): Promise<FormParts> {
  const type = request.headers.get("content-type") ?? "";
  const body = await readBody(request, maxFormBytes);
  try {
    return await new Response(body, { headers: { "content-type": type } }).formData();
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", "The body is no multipart form.", { cause });
  }
}

function overloaded(): OpenWorkersError {
  return new OpenWorkersError("OVERLOADED", "Too many workers are being checked.", { hint: "Try again." });
}
