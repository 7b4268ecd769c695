import { OpenWorkersError } from "../errors.ts";
import type { Registry } from "./registry.ts";

export interface ServeMetricsOptions {
  /** 0 picks a free one. */
  readonly port: number;
  /** Default 127.0.0.1: what it tells is not for strangers. */
  readonly hostname?: string;
  /** Whether the service can do its work now; without, whoever answers can. Must not throw. */
  readonly healthy?: () => boolean;
  /** Text of metrics that another process keeps, under names that are not in the registry. */
  readonly more?: () => Promise<string>;
}

export interface MetricsServer extends AsyncDisposable {
  readonly port: number;
}

/** The media type of Prometheus's text format. */
export const metricsType = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Answers `GET /metrics`, and `GET /health` with 200 or 503 for load balancers and supervisors, until it is disposed of.
 *
 * @throws OpenWorkersError PORT_IN_USE
 */
export function serveMetrics(registry: Registry, options: ServeMetricsOptions): MetricsServer {
  const { port, hostname = "127.0.0.1", healthy = () => true, more = async () => "" } = options;
  const answer = async () =>
    new Response(registry.text() + (await more()), { headers: { "content-type": metricsType } });
  const health = () => {
    const ok = healthy();
    return Response.json({ ok }, { status: ok ? 200 : 503 });
  };
  let server: Bun.Server<undefined>;
  try {
    server = Bun.serve({
      port,
      hostname,
      // Said aloud: by default Bun shares a port with who else listens on it, where tests run.
      reusePort: false,
      development: false,
      routes: { "/metrics": { GET: answer, HEAD: answer }, "/health": { GET: health, HEAD: health } },
      fetch: () => new Response("There are /metrics and /health.\n", { status: 404 }),
    });
  } catch (cause) {
    throw new OpenWorkersError("PORT_IN_USE", `Port ${port} on ${hostname} cannot be listened on.`, {
      hint: "Choose another for the metrics: OW_METRICS_PORT",
      cause,
    });
  }
  return {
    port: server.port ?? port,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
