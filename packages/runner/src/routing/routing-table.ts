import { apexWorker, parseHostLabel, type WorkerId } from "@openworkers/core";
import {
  maxCalledEntrypoints,
  type RoutedVersion,
  type RoutedWorker,
  type RoutingSnapshot,
} from "@openworkers/db";
import { type Door, type Target, targetKey } from "../cells/target.ts";
import { RouteIndex, routedPath } from "./route-index.ts";
import type { RouteQuery } from "./router.ts";

/** A worker with its live versions, ready to choose from. */
interface LiveWorker {
  readonly workerId: WorkerId;
  /** Each with the percentage at which its share ends. */
  readonly shares: readonly { readonly target: Target; readonly until: number }[];
}

/** What a host and path lead to. */
export type Match =
  | { readonly kind: "target"; readonly target: Target }
  /** A version that is not live, of a worker that is. */
  | { readonly kind: "preview"; readonly worker: string; readonly version: number };

/**
 * Which worker answers where, as of one moment. Immutable: a change makes a new table.
 *
 * A host under the base domain only ever leads to the worker it names: no route or domain of one worker can
 * stand in front of another's own address.
 */
export class RoutingTable {
  readonly #baseDomain: string;
  readonly #suffix: string;
  readonly #byName = new Map<string, LiveWorker>();
  readonly #byId = new Map<WorkerId, LiveWorker>();
  readonly #routes = new RouteIndex<LiveWorker>();
  readonly #keys = new Set<string>();

  /** @param targets reuses what an earlier table made of the same versions, so that equal targets stay one object */
  constructor(snapshot: RoutingSnapshot, baseDomain: string, targets: Targets = new Targets()) {
    this.#baseDomain = baseDomain;
    this.#suffix = `.${baseDomain}`;
    for (const routed of snapshot.workers) {
      const live = liveWorker(routed, targets);
      this.#byId.set(routed.workerId, live);
      this.#byName.set(routed.worker, live);
      for (const { target } of live.shares) this.#keys.add(targetKey(target));
    }
    for (const { hostname, workerId } of snapshot.domains) {
      const live = this.#byId.get(workerId);
      if (live !== undefined) this.#routes.addDomain(hostname, live);
    }
    for (const { pattern, workerId } of snapshot.routes) {
      const live = this.#byId.get(workerId);
      if (live !== undefined) this.#routes.addRoute(pattern, live);
    }
  }

  /** @param random a number from 0 to 1 (exclusive): which share of a gradual deployment is chosen without a key */
  match(query: RouteQuery, random: () => number = Math.random): Match | undefined {
    const { hostname, target, versionKey } = query;
    if (!hostname.endsWith(this.#suffix)) {
      const live =
        this.#routes.find(hostname, routedPath(target)) ??
        (hostname === this.#baseDomain ? this.#byName.get(apexWorker) : undefined);
      return live === undefined ? undefined : matched(chosen(live, versionKey, random));
    }
    const label = parseHostLabel(hostname.slice(0, -this.#suffix.length));
    const live = label === undefined ? undefined : this.#byName.get(label.worker);
    if (label === undefined || live === undefined) return undefined;
    if (label.version === undefined) return matched(chosen(live, versionKey, random));
    const share = live.shares.find((candidate) => candidate.target.version === label.version);
    return share === undefined
      ? { kind: "preview", worker: label.worker, version: label.version }
      : { kind: "target", target: share.target };
  }

  /** The version of a worker that takes a call through a binding, chosen as `match` does. */
  choose(
    workerId: WorkerId,
    versionKey: string | undefined,
    random: () => number = Math.random,
  ): Target | undefined {
    const live = this.#byId.get(workerId);
    return live === undefined ? undefined : chosen(live, versionKey, random);
  }

  /** Whether this target, down to its environment's revision and its limits, is served now. */
  isLive(target: Target): boolean {
    return this.#keys.has(targetKey(target));
  }

  /** Every target that is served now. */
  *targets(): Iterable<Target> {
    for (const { shares } of this.#byName.values()) for (const { target } of shares) yield target;
  }
}

function matched(target: Target | undefined): Match | undefined {
  return target === undefined ? undefined : { kind: "target", target };
}

function chosen(live: LiveWorker, versionKey: string | undefined, random: () => number): Target | undefined {
  const { shares } = live;
  const only = shares.length === 1 ? shares[0] : undefined;
  if (only !== undefined) return only.target;
  const point = versionKey === undefined ? random() * 100 : stickyPoint(live.workerId, versionKey);
  return (shares.find(({ until }) => point < until) ?? shares.at(-1))?.target;
}

/** From 0 to 100 (exclusive), the same on every runner; each worker cuts its users differently. */
function stickyPoint(workerId: WorkerId, versionKey: string): number {
  return (Bun.hash.xxHash32(versionKey, Bun.hash.xxHash32(workerId)) / 2 ** 32) * 100;
}

function liveWorker(routed: RoutedWorker, targets: Targets): LiveWorker {
  let until = 0;
  // By version, not by share: a key that was sent to the new version stays with it while its share grows.
  const versions = routed.versions.toSorted((a, b) => b.version - a.version);
  const shares = versions.map((version) => {
    until += version.percent;
    return { target: targets.of(routed, version, doorsOf(routed, version)), until };
  });
  return { workerId: routed.workerId, shares };
}

/** What is called of a version; what it does not export has no socket, without which the caller is told so. */
function doorsOf({ called }: RoutedWorker, { entrypoints }: RoutedVersion): readonly Door[] {
  return called
    .filter(({ entrypoint }) => entrypoint === undefined || entrypoints.includes(entrypoint))
    .slice(0, maxCalledEntrypoints);
}

/** Makes targets, the same object for the same content: what runs is compared often, and keyed by its limits. */
export class Targets {
  #known = new Map<string, Target>();
  #previous = new Map<string, Target>();

  of(
    worker: Pick<RoutedWorker, "workerId" | "worker" | "environmentRevision">,
    {
      versionId,
      version,
      limits,
      assets,
    }: Pick<RoutedVersion, "versionId" | "version" | "limits" | "assets">,
    doors: readonly Door[] = [],
  ): Target {
    const { workerId, environmentRevision } = worker;
    const made: Target = {
      workerId,
      worker: worker.worker,
      versionId,
      version,
      environmentRevision,
      limits,
      assets,
      ...(doors.length === 0 ? {} : { doors }),
    };
    const key = `${worker.worker}:${targetKey(made)}`;
    const target = this.#known.get(key) ?? this.#previous.get(key) ?? made;
    this.#known.set(key, target);
    return target;
  }

  /** A new table is about to be made: what neither it nor the last one uses is forgotten. */
  turn(): void {
    this.#previous = this.#known;
    this.#known = new Map();
  }
}
