import { unreachable } from "./errors.ts";
import { sleep } from "./sleep.ts";

export type Fetch = (request: Request) => Promise<Response>;

export interface RetryOptions {
  /** How often a request is sent at most. */
  readonly attempts: number;
  /** Wait before the second; each further one waits twice as long. */
  readonly firstMs: number;
}

const temporary = new Set([429, 502, 503, 504]);
const idempotent = new Set(["GET", "HEAD", "OPTIONS"]);
/** Whoever is told to wait longer is better told so. */
const longestMs = 10_000;

/**
 * Sends requests again that failed for a moment: those that change nothing, and those with an `Idempotency-Key`, of
 * which the API makes sure that they happen once.
 *
 * @throws ApiError when nobody answers; whatever the request's signal says when it has aborted
 */
export function withRetries(send: Fetch, { attempts, firstMs }: RetryOptions): Fetch {
  return async (request) => {
    const repeatable = idempotent.has(request.method) || request.headers.has("idempotency-key");
    const most = repeatable ? attempts : 1;
    for (let attempt = 1; ; attempt++) {
      const last = attempt >= most;
      const pause = firstMs * 2 ** (attempt - 1) * (0.5 + Math.random());
      try {
        const response = await send(last ? request : (request.clone() as Request));
        if (last || !temporary.has(response.status)) return response;
        const asked = retryAfterMs(response);
        if (asked !== undefined && asked > longestMs) return response;
        await response.body?.cancel();
        await sleep(asked ?? pause, request.signal);
      } catch (cause) {
        request.signal.throwIfAborted();
        if (last) throw unreachable(request.url, cause);
        await sleep(pause, request.signal);
      }
    }
  };
}

/** Of an answer's `Retry-After` (RFC 9110 §10.2.3). */
function retryAfterMs(response: Response): number | undefined {
  const text = response.headers.get("retry-after");
  if (text === null) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
