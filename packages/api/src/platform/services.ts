import { type ErrorCode, errorTable, OpenWorkersError } from "@openworkers/core";
import { z } from "zod";

/** What a binding to another service is: `fetch` of requests that never leave the machine. */
export interface Fetch {
  fetch(request: Request): Promise<Response>;
}

const failureSchema = z.looseObject({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
});

/** Where its paths begin; nobody looks the name up. */
const origin = "http://platform";

/**
 * The platform's services as a caller: what they are asked, they check again by the caller's own credential.
 */
export class PlatformServices {
  readonly #services: Fetch;
  readonly #credential: string | undefined;

  constructor(services: Fetch, credential?: string) {
    this.#services = services;
    this.#credential = credential;
  }

  /**
   * What a service answers, when that is a success; its body has not been read.
   *
   * @throws OpenWorkersError as the service says
   */
  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#credential !== undefined) headers.set("authorization", `Bearer ${this.#credential}`);
    const response = await this.#services.fetch(new Request(origin + path, { ...init, headers }));
    if (response.status < 400) return response;
    throw await failureOf(response);
  }

  /** As `ask`, with the answer's JSON. */
  async json<Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    init: RequestInit = {},
  ): Promise<z.output<Schema>> {
    return schema.parse(await (await this.ask(path, init)).json());
  }
}

async function failureOf(response: Response): Promise<OpenWorkersError> {
  const text = await response.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Told below: whatever it is, it is not the error that a service gives.
  }
  // The logs service has its errors one level down.
  const failure = z
    .union([failureSchema, z.object({ error: failureSchema }).transform(({ error }) => error)])
    .safeParse(value).data;
  if (failure !== undefined && isCode(failure.code)) {
    // The query protocol has particulars beside the code.
    const { code: _, message, hint, details, ...beside } = failure;
    const told = details ?? (Object.keys(beside).length > 0 ? beside : undefined);
    return new OpenWorkersError(failure.code, message, {
      ...(hint === undefined ? {} : { hint }),
      ...(told === undefined ? {} : { details: told }),
    });
  }
  return new OpenWorkersError("INTERNAL", `A service of the platform answered ${response.status}.`, {
    cause: new Error(text.slice(0, 1_000)),
  });
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}
