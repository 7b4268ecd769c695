import type { SubrequestBudget } from "../subrequests/budget.ts";
import type { Span } from "../tracing/span.ts";
import { spanMethod } from "../tracing/span-method.ts";
import type { ConnectRequest, FetchRequest } from "./http/proxy-request.ts";

/** The span of what a cell asks of the outside; undefined when it is not known for which request, or not recorded. */
export function beginFetch(
  budget: SubrequestBudget,
  request: FetchRequest | ConnectRequest,
): Span | undefined {
  const asker = budget.asker(request.requestId)?.span;
  if (asker === undefined) return undefined;
  const address = { "server.address": request.host, "server.port": request.port };
  if (request.kind === "connect") return asker.child(`connect ${request.host}`, address);
  const { path, authority, tls } = request;
  const method = spanMethod(request.method);
  const query = path.indexOf("?");
  return asker.child(method, {
    ...address,
    "http.request.method": method,
    "url.full": `${tls ? "https" : "http"}://${authority}${query < 0 ? path : path.slice(0, query)}`,
  });
}
