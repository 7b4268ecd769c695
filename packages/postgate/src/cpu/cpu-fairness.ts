import type { DatabaseId } from "@openworkers/core";
import { type CpuPriority, openCpuPriority } from "@openworkers/core/host";
import { backendCpuMs, isBackendOf } from "./backend-process.ts";

/** With it the ten sessions that a tenant may have get about as much as one of a tenant that is not lowered. */
const loweredNice = 10;
const everyMs = 200;
/** Parts of one processor: who takes more goes behind the others, and back among them after a while below the second. */
const heavy = 0.5;
const light = 0.25;
const calmMs = 1_000;

export interface CpuFairnessOptions {
  /** Told when a tenant's sessions are put behind those of others, with the part of a processor that they took. */
  readonly onLowered?: (id: DatabaseId, processors: number) => void;
  /** How processes are lowered; by their nice values unless given. */
  readonly priority?: CpuPriority;
}

interface Session {
  readonly pid: number;
  cpuMs: number;
  /** Nobody has it any more; its process may be at it still. */
  left: boolean;
}

interface Usage {
  readonly sessions: Set<Session>;
  lowered: boolean;
  lastHeavyMs: number;
}

/**
 * Shares the processors between tenants. PostgreSQL computes for whoever asks, and the kernel gives each of its processes
 * as much as the next: a tenant with ten that never rest leaves another one with a single short statement a tenth. The
 * sessions of a tenant that takes much are put behind those of the others, for as long as it does; when nobody else wants
 * the processors, it has them all the same.
 *
 * Works where PostgreSQL runs on this machine and Postgate may change the priority of its processes (as root); elsewhere
 * it does nothing.
 */
export class CpuFairness implements Disposable {
  readonly #options: CpuFairnessOptions;
  readonly #priority: CpuPriority;
  readonly #usage = new Map<DatabaseId, Usage>();
  readonly #timer: ReturnType<typeof setInterval>;
  #lookedMs = performance.now();

  constructor(options: CpuFairnessOptions = {}) {
    this.#options = options;
    this.#priority = options.priority ?? openCpuPriority(loweredNice);
    this.#timer = setInterval(() => this.#look(performance.now()), everyMs);
    this.#timer.unref();
  }

  /**
   * Looks after a session on a tenant's database, `pid` its process on the tenants' server, for as long as that runs.
   * Whoever disposes of what is returned has left the session. A process that is not that session, because the server is
   * elsewhere, is left alone.
   */
  enter(id: DatabaseId, pid: number): Disposable {
    const cpuMs = backendCpuMs(pid);
    if (cpuMs === undefined || !isBackendOf(pid, id)) return { [Symbol.dispose]() {} };
    const usage = this.#usage.get(id) ?? { sessions: new Set(), lowered: false, lastHeavyMs: 0 };
    this.#usage.set(id, usage);
    const session: Session = { pid, cpuMs, left: false };
    usage.sessions.add(session);
    if (usage.lowered) this.#set(id, pid, true);
    return {
      [Symbol.dispose]: () => {
        session.left = true;
      },
    };
  }

  /** Puts a session behind all others until it ends, however little it takes: one that computes and hears no signal. */
  lowerForGood(id: DatabaseId, pid: number): void {
    const { sessions } = this.#usage.get(id) ?? {};
    for (const session of sessions ?? []) if (session.pid === pid) sessions?.delete(session);
    this.#set(id, pid, true);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const [id, usage] of this.#usage) {
      if (usage.lowered) for (const { pid } of usage.sessions) this.#set(id, pid, false);
    }
    this.#usage.clear();
  }

  #look(now: number): void {
    const elapsedMs = now - this.#lookedMs;
    this.#lookedMs = now;
    for (const [id, usage] of this.#usage) {
      const processors = used(usage.sessions) / elapsedMs;
      for (const session of usage.sessions) {
        if (session.left && !isBackendOf(session.pid, id)) usage.sessions.delete(session);
      }
      if (processors > (usage.lowered ? light : heavy)) usage.lastHeavyMs = now;
      if (usage.lowered !== now - usage.lastHeavyMs < calmMs) this.#turn(id, usage, processors);
      // Who ends its sessions and begins new ones is still who it was.
      if (usage.sessions.size === 0 && !usage.lowered) this.#usage.delete(id);
    }
  }

  #turn(id: DatabaseId, usage: Usage, processors: number): void {
    usage.lowered = !usage.lowered;
    const set = [...usage.sessions].map(({ pid }) => this.#set(id, pid, usage.lowered));
    if (usage.lowered && set.includes(true)) this.#options.onLowered?.(id, processors);
  }

  #set(id: DatabaseId, pid: number, lowered: boolean): boolean {
    // The session may have ended, and its number be another's.
    return isBackendOf(pid, id) && this.#priority(pid, lowered);
  }
}

/** Milliseconds of processor time that the sessions have used since the last time. */
function used(sessions: ReadonlySet<Session>): number {
  let sum = 0;
  for (const session of sessions) {
    const cpuMs = backendCpuMs(session.pid) ?? session.cpuMs;
    sum += Math.max(0, cpuMs - session.cpuMs);
    session.cpuMs = cpuMs;
  }
  return sum;
}
