import type { operations } from "@openworkers/client";

type Answered = operations["postWorkersWorkerPreview"]["responses"][200]["content"]["application/json"];

export interface PreviewAnswer extends Omit<Answered, "headers"> {
  /** Names and values. */
  readonly headers: readonly (readonly string[])[];
}

/** A request as somebody writes it. */
export interface PreviewRequest {
  readonly method: string;
  readonly path: string;
  /** A line each: `Name: value`. */
  readonly headers: string;
  readonly body: string;
}

export const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] as const;

export const noRequest: PreviewRequest = { method: "GET", path: "/", headers: "", body: "" };

export function hasBody(method: string): boolean {
  return method !== "GET" && method !== "HEAD";
}

/** The lines as names and values. @throws Error that names a line which is none */
export function parseHeaders(text: string): [string, string][] {
  return text.split("\n").flatMap((line): [string, string][] => {
    if (line.trim() === "") return [];
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim();
    if (colon < 1 || !/^[!#$%&'*+.^_`|~\w-]+$/.test(name))
      throw new Error(`"${line.trim()}" is no header: write Name: value.`);
    return [[name, line.slice(colon + 1).trim()]];
  });
}

const most = 10;

/** The last requests of this browser to a worker, the newest first. */
export class PreviewHistory {
  readonly #key: string;

  constructor(worker: string) {
    this.#key = `ow-preview:${worker}`;
  }

  read(): readonly PreviewRequest[] {
    try {
      const stored: unknown = JSON.parse(localStorage.getItem(this.#key) ?? "[]");
      return Array.isArray(stored) ? stored.filter(isRequest) : [];
    } catch {
      // Somebody else's, or half of it: as good as none.
      return [];
    }
  }

  /** Puts one first; what was the same goes. */
  add(request: PreviewRequest): readonly PreviewRequest[] {
    const text = JSON.stringify(request);
    const kept = [request, ...this.read().filter((other) => JSON.stringify(other) !== text)].slice(0, most);
    localStorage.setItem(this.#key, JSON.stringify(kept));
    return kept;
  }
}

function isRequest(value: unknown): value is PreviewRequest {
  return (
    typeof value === "object" &&
    value !== null &&
    (["method", "path", "headers", "body"] as const).every(
      (key) => typeof (value as PreviewRequest)[key] === "string",
    )
  );
}
