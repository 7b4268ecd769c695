import {
  isOpenWorkersError,
  type OpenWorkersError,
  type TerminationReason,
  terminations,
} from "@openworkers/core";
import type { Problem } from "./error-page.ts";

/** A problem with the headers that go with it. */
export interface Answer extends Problem {
  /** Value of `X-Termination-Reason`; absent when no invocation was ended. */
  readonly reason?: TerminationReason;
  readonly retryAfterS?: number;
}

const texts: Readonly<Record<TerminationReason, { readonly message: string; readonly hint: string }>> = {
  "cpu-limit": {
    message: "The worker used more CPU time than it may.",
    hint: "If it is yours, look at its logs (`ow tail`), or raise `limits.cpu_ms`.",
  },
  "memory-limit": {
    message: "The worker used more memory than it may.",
    hint: "If it is yours, look at its logs (`ow tail`), or raise its memory limit.",
  },
  "wall-limit": {
    message: "The worker did not begin to answer in time.",
    hint: "If it is yours, see what it waits for in its logs (`ow tail`).",
  },
  exception: {
    message: "The worker threw an exception.",
    hint: "If it is yours, its logs have the stack trace: `ow tail`.",
  },
  crashed: {
    message: "The worker stopped while it worked on this request.",
    hint: "Try again. If it stays so, its owner finds the cause in its logs (`ow tail`).",
  },
  overloaded: {
    message: "The worker has more requests than it can take.",
    hint: "Try again in a moment.",
  },
  "not-found": {
    message: "No worker answers here.",
    hint: "Check the address, or put a worker here with `ow deploy`.",
  },
};

/** The answer for an invocation that `reason` ended. */
export function terminated(reason: TerminationReason, retryAfterS?: number): Answer {
  const { status } = terminations[reason];
  return {
    status,
    code: reason,
    reason,
    ...texts[reason],
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
  };
}

/** The answer when no cell could be had. The error's message is for logs: only its code decides. */
export function notStarted(error: unknown): Answer {
  if (!isOpenWorkersError(error)) return internal;
  switch (error.code) {
    case "OVERLOADED":
      return terminated("overloaded", 1);
    case "CRASH_LOOP":
      return {
        ...terminated("crashed", retryAfterOf(error)),
        message: "The worker keeps stopping and is given a rest.",
      };
    case "START_FAILED":
      return {
        ...terminated("exception"),
        message: "The worker does not start.",
      };
    case "DATABASE_UNAVAILABLE":
      return {
        status: 503,
        code: "DATABASE_UNAVAILABLE",
        message: "The worker's code cannot be loaded at the moment.",
        hint: "Try again in a moment. The operator finds more in the runner's log.",
        retryAfterS: 1,
      };
    case "NO_ENTRYPOINT":
      return {
        status: 501,
        code: "NO_ENTRYPOINT",
        message: error.message,
        hint: error.hint ?? "Export the class and deploy again.",
      };
    case "NOT_FOUND":
      return terminated("not-found");
    default:
      return internal;
  }
}

function retryAfterOf(error: OpenWorkersError): number {
  const ms = error.details?.retryAfterMs;
  return typeof ms === "number" ? Math.max(1, Math.ceil(ms / 1000)) : 1;
}

export const noFetchHandler: Answer = {
  status: 501,
  code: "NO_FETCH_HANDLER",
  message: "The worker has no fetch handler.",
  hint: "Give its default export a `fetch(request, env, ctx)` method and deploy again.",
};

/**
 * The methods that workerd's HTTP parser knows (kj/compat/http.h, KJ_HTTP_FOR_EACH_METHOD; seen answered by
 * workerd 1.20261117), TRACE aside. Any other ends the connection with a message of the runtime's own.
 */
export const knownMethods: ReadonlySet<string> = new Set([
  ...["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE", "QUERY", "BAN"],
  ...["COPY", "LOCK", "MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "SEARCH", "UNLOCK", "ACL"],
  ...["REPORT", "MKACTIVITY", "CHECKOUT", "MERGE"],
  ...["MSEARCH", "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE"],
]);

export const methodNotSupported: Answer = {
  status: 501,
  code: "METHOD_NOT_SUPPORTED",
  message: "The worker's runtime does not know this request method.",
  hint: "Use one of the methods that HTTP and WebDAV define.",
};

export function bodyTooLarge(limitBytes: number): Answer {
  return {
    status: 413,
    code: "BODY_TOO_LARGE",
    message: `The request body is larger than the ${limitBytes} bytes that this worker takes.`,
    hint: "Send less at a time, or raise the worker's body limit.",
  };
}

/** An address, which no domain can be: `ow domains add` refuses it. */
const address = /^[\d.]+$|^\[/;

export function unknownHost(hostname: string, baseDomain: string): Answer {
  if (hostname === baseDomain || address.test(hostname)) {
    return {
      ...terminated("not-found"),
      message: `OpenWorkers is here; workers answer at <name>.${baseDomain}.`,
      hint: "See which there are with `ow workers`, or put one there with `ow deploy`.",
    };
  }
  const suffix = `.${baseDomain}`;
  const label = hostname.endsWith(suffix) ? hostname.slice(0, -suffix.length) : undefined;
  const preview = label === undefined ? undefined : /^([0-9]+)--(.+)$/.exec(label);
  if (preview !== null && preview !== undefined) {
    return {
      ...terminated("not-found"),
      message: `There is no version ${preview[1] ?? ""} of a worker named ${preview[2] ?? ""}.`,
      hint: `See which there are with \`ow versions ${preview[2] ?? ""}\`.`,
    };
  }
  const worker = label === undefined || !/^[a-z0-9-]+$/.test(label) ? undefined : label;
  return {
    ...terminated("not-found"),
    message: `No worker answers at ${hostname}.`,
    hint:
      worker === undefined
        ? `If this domain is yours, give it to a worker with \`ow domains add WORKER ${hostname}\`.`
        : `If it should, put one there with \`ow deploy --name ${worker}\`.`,
  };
}

/** Cloudflare allows 32 invocations in a request; a chain this deep is a circle. */
export const maxServiceDepth = 16;

export const tooDeep: Answer = {
  status: 508,
  code: "SERVICE_DEPTH",
  message: `Workers called each other through service bindings more than ${maxServiceDepth} deep.`,
  hint: "Look for a circle: a worker that calls itself, or one that calls it.",
};

/** The caller's request has used up its subrequests. */
export function tooMany({ status, code, message }: OpenWorkersError): Answer {
  return { status, code, message, hint: "Call less often, or ask for more in the manifest." };
}

export const serviceGone: Answer = {
  ...terminated("not-found"),
  message: "The worker behind this service binding is not deployed.",
  hint: "Deploy it, or bind another one.",
};

export const bodyBroken: Answer = {
  status: 400,
  code: "BAD_REQUEST",
  message: "The request body is not the chunked coding it claims to be.",
  hint: "Mend the request and send it on a new connection.",
};

export const bodyTooSlow: Answer = {
  status: 408,
  code: "REQUEST_TIMEOUT",
  message: "The request body did not arrive in time.",
  hint: "Send it again over a better connection.",
};

/** Something failed that nobody foresaw; what, is in the operator's log. */
export const internal: Answer = {
  status: 500,
  code: "INTERNAL",
  message: "The platform failed to run the worker.",
  hint: "Try again. The operator finds more in the runner's log, under the request id.",
};
