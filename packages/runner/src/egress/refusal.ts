import { isOpenWorkersError, OpenWorkersError } from "@openworkers/core";
import { errorCodeHeader } from "../bindings/broker.ts";

/** Beside `errorCodeHeader`: what the worker is to read. Never in an answer from outside: `x-ow-*` is taken out there. */
export const errorMessageHeader = "X-Ow-Message";

/**
 * A response for what never became one. The cell's prelude makes of it what `fetch` throws.
 *
 * @param closing the connection ends with it
 */
export function writeRefusal(error: OpenWorkersError, closing: boolean): Buffer {
  const message = error.message.replace(/[^ -~]/g, "?");
  return Buffer.from(
    `HTTP/1.1 ${error.status} ${error.code}\r\n${errorCodeHeader}: ${error.code}\r\n${errorMessageHeader}: ${message}\r\nContent-Length: 0\r\n${closing ? "Connection: close\r\n" : ""}\r\n`,
    "latin1",
  );
}

/** What may be told of something that was thrown; undefined when it is the platform's own fault. */
export function tellable(thrown: unknown): OpenWorkersError | undefined {
  return isOpenWorkersError(thrown, "EGRESS_REFUSED", "EGRESS_FAILED", "SUBREQUEST_LIMIT")
    ? thrown
    : undefined;
}

export const platformFault = new OpenWorkersError(
  "EGRESS_FAILED",
  "The platform could not make the connection; its operator has been told.",
);
