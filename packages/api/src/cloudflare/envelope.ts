import { type ErrorCode, OpenWorkersError } from "@openworkers/core";
import { noStore } from "../http/errors.ts";

/** Numbers of Cloudflare's that its clients match on. */
export const errorNumbers = {
  authentication: 10_000,
  noWorker: 10_007,
  badWorker: 10_021,
  noNamespace: 10_013,
  noKey: 10_009,
  noBucket: 10_006,
  noDatabase: 7_404,
  noRoute: 7_000,
  notAllowed: 9_109,
  noQueue: 11_000,
} as const;

const numbers: Partial<Record<ErrorCode, number>> = {
  UNAUTHORIZED: errorNumbers.authentication,
  FORBIDDEN: errorNumbers.notAllowed,
  START_FAILED: errorNumbers.badWorker,
  NOT_FOUND: errorNumbers.noRoute,
  QUERY_FAILED: 7_500,
  SCRIPT_TOO_LARGE: 10_027,
};
/** Of what has no number that clients know: Cloudflare's for a request that cannot be understood. */
const otherNumber = 10_001;

/** Where in a list its items are, as Cloudflare says it. */
export interface ResultInfo {
  readonly page?: number;
  readonly per_page?: number;
  readonly count?: number;
  readonly total_count?: number;
  readonly cursor?: string;
}

/** Something that Cloudflare's clients know by a number of its own. */
export class NumberedError extends OpenWorkersError {
  readonly number: number;

  constructor(number: number, code: ErrorCode, message: string) {
    super(code, message);
    this.number = number;
  }
}

/** What Cloudflare's API answers when something was done. */
export function success(
  result: unknown,
  { info, messages = [] }: { readonly info?: ResultInfo; readonly messages?: readonly string[] } = {},
): Response {
  const body = {
    success: true,
    errors: [],
    messages: messages.map((message) => ({ code: 0, message })),
    result,
    ...(info === undefined ? {} : { result_info: info }),
  };
  return Response.json(body, { headers: noStore });
}

/** The same of an error that `/v1` would answer: `told` is that answer's status and what it says. */
export function failure(
  thrown: unknown,
  told: {
    readonly status: number;
    readonly code: string;
    readonly message: string;
    readonly hint?: string | undefined;
  },
): Response {
  const number =
    thrown instanceof NumberedError ? thrown.number : (numbers[told.code as ErrorCode] ?? otherNumber);
  const message = told.hint === undefined ? told.message : `${told.message} ${told.hint}`;
  const body = {
    success: false,
    errors: [{ code: number, message, error_code: told.code }],
    messages: [],
    result: null,
  };
  return Response.json(body, { status: told.status, headers: noStore });
}

/** @throws OpenWorkersError always: what Cloudflare has and this platform has not */
export function notHere(what: string): never {
  throw new OpenWorkersError("INVALID_INPUT", `${what}: this platform has no such thing.`);
}
