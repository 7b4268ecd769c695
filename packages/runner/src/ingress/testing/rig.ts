import type { InvocationRecord, LogRecord, LogSink, RequestId, VersionId, WorkerId } from "@openworkers/core";
import { defaultLimits, type Limits, newId } from "@openworkers/core";
import type { AcquireOptions, Dispatcher, Lease, Verdict } from "../../cells/lease.ts";
import type { Target } from "../../cells/target.ts";
import type { RouteQuery, Router } from "../../routing/router.ts";
import { type Ingress, type IngressOptions, startIngress } from "../ingress.ts";

/** A target for the worker called `worker`. */
export function targetOf(worker: string, limits: Partial<Limits> = {}): Target {
  return {
    workerId: newId<"worker">() as WorkerId,
    worker,
    versionId: newId<"version">() as VersionId,
    version: 1,
    environmentRevision: 0,
    limits: { ...defaultLimits, ...limits },
  };
}

/** A lease over a socket that some test listens on, with the verdict in the test's hand. */
export class TestLease implements Lease {
  readonly socketPath: string;
  readonly coldStart = false;
  readonly doors: readonly string[] = [];
  readonly eventsSocket = "";
  readonly requestId: RequestId;
  readonly signal: AbortSignal;
  released = 0;
  read = 0;
  written = 0;
  renewed = 0;
  readonly #verdict = Promise.withResolvers<Verdict>();

  constructor(socketPath: string, options: AcquireOptions) {
    this.socketPath = socketPath;
    this.requestId = options.requestId;
    this.signal = options.signal;
  }

  judge(verdict: Verdict): void {
    this.#verdict.resolve(verdict);
  }
  verdict(): Promise<Verdict> {
    return this.#verdict.promise;
  }
  cpuMs(): number {
    return 1;
  }
  moved(read: number, written: number): void {
    this.read += read;
    this.written += written;
  }
  renew(): void {
    this.renewed++;
  }
  again(): undefined {}
  release(): void {
    this.released++;
  }
  [Symbol.dispose](): void {
    this.release();
  }
}

/** Leases real sockets, one after the other in `sockets`, the last one for ever. */
export class TestDispatcher implements Dispatcher {
  readonly leases: TestLease[] = [];
  sockets: string[];
  failure: Error | undefined;
  /** Leases are promised, as while a cell is started, and not given at once, as by one that runs. */
  waits = false;
  /** Told of each lease as it is given out. */
  onLease: (lease: TestLease) => void = () => {};

  constructor(...sockets: string[]) {
    this.sockets = sockets;
  }

  acquire(_target: Target, options: AcquireOptions): Lease | Promise<Lease> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const socketPath = this.sockets.length > 1 ? this.sockets.shift() : this.sockets[0];
    const lease = new TestLease(socketPath ?? "", options);
    this.leases.push(lease);
    this.onLease(lease);
    return this.waits ? Promise.resolve(lease) : lease;
  }

  /** Every lease was released exactly once. */
  get settled(): boolean {
    return this.leases.every((lease) => lease.released === 1);
  }
}

/** Keeps invocation records and lets a test wait for one. */
export class TestLogs implements LogSink {
  readonly records: InvocationRecord[] = [];
  #waiting: { count: number; resolve: () => void }[] = [];

  emit(record: LogRecord): void {
    if (record.kind !== "invocation") return;
    this.records.push(record);
    this.#waiting = this.#waiting.filter(({ count, resolve }) => {
      if (this.records.length < count) return true;
      resolve();
      return false;
    });
  }

  /** The `index`th record, once it is there. */
  async record(index: number): Promise<InvocationRecord> {
    if (this.records.length <= index) {
      await new Promise<void>((resolve) => this.#waiting.push({ count: index + 1, resolve }));
    }
    const record = this.records[index];
    if (record === undefined) throw new Error("no such record");
    return record;
  }
}

/** An ingress in front of one target at `hello.localhost`. */
export interface Rig extends AsyncDisposable {
  readonly ingress: Ingress;
  readonly dispatcher: TestDispatcher;
  readonly logs: TestLogs;
  readonly reports: { message: string; details: Record<string, unknown> }[];
  readonly queries: RouteQuery[];
}

export interface RigOptions
  extends Partial<Pick<IngressOptions, "timeouts" | "trustedProxies" | "maxConnections" | "port">> {
  readonly limits?: Partial<Limits>;
  readonly router?: Router;
}

export function startRig(dispatcher: TestDispatcher, options: RigOptions = {}): Rig {
  const { limits, router, ...rest } = options;
  const target = targetOf("hello", limits);
  const logs = new TestLogs();
  const queries: RouteQuery[] = [];
  const reports: Rig["reports"] = [];
  const ingress = startIngress({
    port: 0,
    hostname: "127.0.0.1",
    baseDomain: "localhost",
    router: router ?? {
      resolve(query) {
        queries.push(query);
        return query.hostname === "hello.localhost" ? target : undefined;
      },
    },
    dispatcher,
    logs,
    report: (message, details) => reports.push({ message, details }),
    ...rest,
  });
  return {
    ingress,
    dispatcher,
    logs,
    reports,
    queries,
    [Symbol.asyncDispose]: () => ingress[Symbol.asyncDispose](),
  };
}
