import type { Registry, Sample } from "@openworkers/core";
import type { FeedState } from "../routing/mod.ts";
import type { SupervisorStats } from "../supervisor/mod.ts";

/** In seconds. A cell takes 15 ms from a blank one and 40 from nothing, if the machine is not busy. */
export const startBounds = [0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5] as const;

/** What is looked at whenever somebody asks. */
export interface Observed {
  readonly stats: () => SupervisorStats;
  /** Cells that work on requests. */
  readonly busyCells: () => number;
  readonly connections: () => number;
  readonly routing: () => FeedState;
}

/** What a runner tells of its cells, its clients and its routes. */
export function addRunnerMetrics(registry: Registry, observed: Observed): void {
  const { stats } = observed;
  registry.gauge("ow_cells", "Cells by what they do; blank ones have no worker yet.", () => {
    const { cells, starting, blank } = stats();
    const busy = observed.busyCells();
    return samples("state", { busy, idle: cells - busy, starting, blank });
  });
  registry.gauge("ow_draining_versions", "Versions that are no longer live and have cells yet.", () => {
    return stats().draining;
  });
  registry.readCounter("ow_cell_ends_total", "Cells that ended, by why; a retired one was not needed.", () =>
    samples("reason", stats().ends),
  );
  registry.gauge("ow_requests_in_flight", "Requests in cells.", () => stats().inFlight);
  registry.gauge("ow_requests_waiting", "Requests that wait for a place in a cell.", () => stats().waiting);
  registry.gauge("ow_client_connections", "Connections of clients.", observed.connections);
  registry.gauge("ow_routing_fresh", "1 when the routes are the database's, 0 when they are older.", () =>
    Number(observed.routing().fresh),
  );
  registry.gauge("ow_routing_stale_seconds", "For how long the routes may have been older.", () => {
    const { staleSince } = observed.routing();
    return staleSince === undefined ? 0 : (Date.now() - staleSince) / 1_000;
  });
}

function samples(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
}
