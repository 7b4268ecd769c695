import { OpenWorkersError } from "@openworkers/core";

/** Largest JSON that a request may send. */
export const maxJsonBytes = 1_048_576;
/** Largest form: a worker's modules, their source maps and the rest. */
export const maxFormBytes = 64 * 1_048_576;

/**
 * The request's body as JSON; undefined when it has none. With `forms`, what a page without a script sends is an object of
 * texts.
 *
 * @throws OpenWorkersError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, INVALID_INPUT
 */
export async function jsonBody(
  request: Request,
  { maxJsonBytes, forms = false }: { readonly maxJsonBytes: number; readonly forms?: boolean },
): Promise<{ readonly text: string; readonly value: unknown }> {
  const bytes = await limited(request, maxJsonBytes);
  if (bytes.byteLength === 0) return { text: "", value: undefined };
  const type = mediaType(request);
  const isForm = forms && type === "application/x-www-form-urlencoded";
  // What a page of another origin may send without asking first is never JSON.
  if (!isForm && type !== "application/json") throw unsupported(type, "application/json");
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { text, value: isForm ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text) };
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", "The body is not JSON.", {
      cause,
      field: "",
    });
  }
}

/**
 * The request's body as a form.
 *
 * @throws OpenWorkersError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, INVALID_INPUT
 */
export async function formBody(request: Request): Promise<FormData> {
  const type = mediaType(request);
  if (type !== "multipart/form-data") throw unsupported(type, "multipart/form-data");
  const bytes = await limited(request, maxFormBytes);
  const headers = { "content-type": request.headers.get("content-type") ?? "" };
  try {
    return (await new Response(bytes, { headers }).formData()) as unknown as FormData;
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", "The body is not a form as its Content-Type says.", {
      cause,
      field: "",
    });
  }
}

/** A request's whole body. @throws OpenWorkersError BODY_TOO_LARGE as soon as it is seen to be */
export async function limited(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const said = Number(request.headers.get("content-length") ?? 0);
  if (said > maxBytes) throw tooLarge(maxBytes);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    parts.push(part);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

function mediaType(request: Request): string {
  return (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

function tooLarge(maxBytes: number): OpenWorkersError {
  return new OpenWorkersError("BODY_TOO_LARGE", `The body is larger than ${maxBytes} bytes.`, {
    details: { maxBytes },
  });
}

function unsupported(type: string, wanted: string): OpenWorkersError {
  return new OpenWorkersError(
    "UNSUPPORTED_MEDIA_TYPE",
    `The body is ${type === "" ? "of no type" : type}; this takes ${wanted}.`,
  );
}
