import { type BindingOf, type Limits, OpenWorkersError } from "@openworkers/core";
import type { AcquireOptions, Dispatcher, Lease, Verdict } from "../cells/lease.ts";
import type { Target } from "../cells/target.ts";
import { WaitingLine } from "../supervisor/waiting-line.ts";
import type { Span } from "../tracing/span.ts";

type Entry = Pick<BindingOf<"worker">, "entrypoint" | "props">;

/**
 * Places for the calls that a worker makes through its bindings: of each cell the socket of the entrypoint that is
 * called, and no more places at a time than the caller's own limits allow. Who comes later waits.
 */
export class ServiceDispatcher {
  readonly #dispatcher: Dispatcher;
  readonly #places: number;
  readonly #line: WaitingLine<void>;
  #taken = 0;

  constructor(dispatcher: Dispatcher, { concurrency, subrequestConcurrency, queueLength, queueMs }: Limits) {
    this.#dispatcher = dispatcher;
    this.#places = Math.max(concurrency, subrequestConcurrency);
    this.#line = new WaitingLine(queueLength, queueMs);
  }

  /** Places for calls of one entrypoint. Rejects with NO_ENTRYPOINT besides what `Dispatcher` rejects with. */
  of(entry: Entry): Dispatcher {
    return { acquire: (target, options) => this.#acquire(entry, target, options) };
  }

  #acquire(entry: Entry, target: Target, options: AcquireOptions): Lease | Promise<Lease> {
    const door = doorOf(target, entry);
    if (door instanceof OpenWorkersError) return Promise.reject(door);
    if (this.#taken < this.#places) {
      this.#taken += 1;
      return this.#take(door, target, options);
    }
    return this.#line.wait(options.signal).then(() => this.#take(door, target, options));
  }

  #take(door: number, target: Target, options: AcquireOptions): Lease | Promise<Lease> {
    const place = this.#dispatcher.acquire(target, options);
    const free = () => this.#free();
    if (!(place instanceof Promise)) return new ServicePlace(place, door, free);
    return place.then(
      (lease) => new ServicePlace(lease, door, free),
      (thrown: unknown) => {
        free();
        throw thrown;
      },
    );
  }

  #free(): void {
    // The place goes to the first who waits.
    if (!this.#line.serve(() => undefined)) this.#taken -= 1;
  }
}

/** The index of the door; -1 for the default entrypoint, which has none. */
function doorOf(target: Target, { entrypoint, props }: Entry): number | OpenWorkersError {
  if (entrypoint === undefined && props === undefined) return -1;
  const door = (target.doors ?? []).findIndex(
    (candidate) => candidate.entrypoint === entrypoint && candidate.props === props,
  );
  if (door >= 0) return door;
  return new OpenWorkersError(
    "NO_ENTRYPOINT",
    `Version ${target.version} of the worker ${target.worker} exports no entrypoint ${entrypoint ?? "default"}.`,
    { hint: "Export a class with this name that extends WorkerEntrypoint, and deploy it again." },
  );
}

/** A place in a cell by way of one of its doors. */
class ServicePlace implements Lease {
  readonly #lease: Lease;
  readonly #door: number;
  readonly #free: () => void;
  #released = false;

  constructor(lease: Lease, door: number, free: () => void) {
    this.#lease = lease;
    this.#door = door;
    this.#free = free;
  }

  get socketPath(): string {
    return this.#door < 0 ? this.#lease.socketPath : (this.#lease.doors[this.#door] ?? "");
  }

  get doors(): readonly string[] {
    return this.#lease.doors;
  }

  get eventsSocket(): string {
    return this.#lease.eventsSocket;
  }

  get coldStart(): boolean {
    return this.#lease.coldStart;
  }

  verdict(): Promise<Verdict> {
    return this.#lease.verdict();
  }

  cpuMs(): number {
    return this.#lease.cpuMs();
  }

  moved(read: number, written: number): void {
    this.#lease.moved(read, written);
  }

  renew(): void {
    this.#lease.renew();
  }

  again(span?: Span): Lease | undefined {
    return this.#lease.again(span);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#lease.release();
    this.#free();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
