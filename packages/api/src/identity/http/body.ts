import { OpenWorkersError } from "@openworkers/core";

const maxBytes = 16 * 1024;

/**
 * The request's body: JSON, or a form of one of our own pages as an object of texts.
 *
 * @throws OpenWorkersError BODY_TOO_LARGE, INVALID_INPUT
 */
export async function readBody(request: Request): Promise<unknown> {
  const text = await readText(request);
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type === "application/x-www-form-urlencoded") return Object.fromEntries(new URLSearchParams(text));
  // What a page of another origin may send without asking first is never JSON.
  if (type !== "application/json") {
    throw new OpenWorkersError("INVALID_INPUT", "The body is not JSON.", {
      hint: "Send Content-Type: application/json.",
    });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", "The body is not JSON.", { cause });
  }
}

async function readText(request: Request): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const part of request.body ?? []) {
    bytes += part.byteLength;
    if (bytes > maxBytes) {
      throw new OpenWorkersError("BODY_TOO_LARGE", `The body is larger than ${maxBytes} bytes.`, {
        details: { maxBytes },
      });
    }
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}
