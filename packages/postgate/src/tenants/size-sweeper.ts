import type { DatabaseId } from "@openworkers/core";
import { sql } from "kysely";
import { backendAddress, type Tenant, tenantOf } from "../tenant.ts";
import { makeRoom, type Rewritten } from "./make-room.ts";
import { Penalties } from "./penalties.ts";
import { Repeated } from "./repeated.ts";
import type { TenantServer } from "./tenant-server.ts";

export interface SizeSweeperOptions {
  /** `undefined`: not known, and left alone. */
  readonly tenant: (id: DatabaseId) => Promise<Tenant | undefined>;
  /** Writes down that a database is full, or is no longer; returns when whoever opens sessions will know. */
  readonly setFull: (id: DatabaseId, full: boolean, bytes: number) => Promise<void>;
  readonly onSweep?: (swept: Swept) => void;
  readonly onError: (thrown: unknown) => void;
  /** Transactions since a database's oldest row, above which its sessions are ended; `oldestTransactions` unless given. */
  readonly oldestTransactions?: number;
  /** Between two looks at who is active; a second unless given. */
  readonly everyMs?: number;
}

/** What the sweeper found and did, for the log and for statistics. */
export interface Swept {
  readonly tenant: DatabaseId;
  readonly bytes: number;
  readonly did: "measured" | "filled" | "freed" | "suspended" | "healed" | "aged";
}

/** What a server may write in a second: until there could be no room left, nothing need be measured. */
const bytesPerSecond = 200 * 2 ** 20;
const quietMs = 600_000;
/** A full database is written to again when it is below this part of its limit. */
const roomAgain = 0.95;
/** What rows that are deleted may add before they give room. */
const reduceSlack = 1.1;
const reduceSlackBytes = 16 * 2 ** 20;
const roomEveryMs = 5_000;
/** Databases that are given room at a time: to write tables anew takes the disk, and a tenant's index may hold it up. */
const roomsAtATime = 2;
/**
 * A temporary table is vacuumed by its own session alone: one that is kept holds back the age of its database, and that
 * of all is what the server's transactions are numbered by. Autovacuum begins at 200 million (autovacuum_freeze_max_age),
 * and at some two thousand million no database of the server takes writes (PostgreSQL manual, 24.1.5).
 */
const oldestTransactions = 500_000_000;
/** Autovacuum has this long before sessions are ended again. */
const ageEveryMs = 60_000;

interface Room {
  /** The process of PostgreSQL's that makes it; 0 until there is one. */
  pid: number;
  made: Promise<void>;
}

interface Measured {
  readonly bytes: number;
  /** When it is measured again if it is active, and whether it is or not. Milliseconds since 1970. */
  readonly soonest: number;
  readonly latest: number;
}

/**
 * Holds databases to their size: measures those that are used, often when little room is left and seldom when much is,
 * and all of them every ten minutes. One that is above its limit is full: the sessions that may write are ended, and come
 * back as the role that reads and deletes. What is deleted from a full database is given back to the disk, and below 95 %
 * of the limit it is written to again. Heals roles on the way. No measurement waits for another tenant's tables to be
 * written anew: a few databases at a time are given room beside it, for as long as the tenant's statements may take.
 *
 * Between two measurements a database may grow past its limit by what the disk takes in that time.
 */
export class SizeSweeper implements AsyncDisposable {
  readonly #server: TenantServer;
  readonly #options: SizeSweeperOptions;
  readonly #measured = new Map<DatabaseId, Measured>();
  readonly #roomMade = new Map<DatabaseId, { at: number; rewritten: Rewritten }>();
  /** Databases that are being given room, which no measurement waits for. */
  readonly #rooms = new Map<DatabaseId, Room>();
  readonly #aged = new Map<DatabaseId, number>();
  readonly #penalties = new Penalties();
  readonly #sweeps: Repeated;
  #stopped = false;

  constructor(server: TenantServer, options: SizeSweeperOptions) {
    this.#server = server;
    this.#options = options;
    this.#sweeps = new Repeated(() => this.sweep(), options.everyMs ?? 1_000, options.onError);
  }

  /** Sweeps once: what is due. @throws OpenWorkersError DATABASE_UNAVAILABLE */
  async sweep(): Promise<void> {
    await this.#heal();
    const { all, active, old } = await this.#databases();
    for (const id of old) await this.#apart(() => this.#age(id));
    for (const id of this.#measured.keys()) {
      if (!all.has(id)) this.#forget(id);
    }
    const now = Date.now();
    const due = [...all].filter((id) => {
      const last = this.#measured.get(id);
      return last === undefined || now >= (active.has(id) ? last.soonest : last.latest);
    });
    for (const [id, bytes] of await this.#server.sizes(due)) {
      await this.#apart(async () => {
        const tenant = await this.#options.tenant(id);
        if (tenant !== undefined) await this.#judge(tenant, bytes);
      });
    }
  }

  async #judge(tenant: Tenant, bytes: number): Promise<void> {
    const { id, limits, full } = tenant;
    const before = this.#measured.get(id)?.bytes ?? bytes;
    const room = Math.max(0, limits.sizeBytes - bytes);
    const now = Date.now();
    const soonest = now + Math.min(quietMs, (room / bytesPerSecond) * 1_000);
    // A full one is looked at until there is room in it, whether or not anybody uses it.
    const isFull = full || room === 0;
    this.#measured.set(id, { bytes, soonest, latest: now + (isFull ? roomEveryMs : quietMs) });
    const report = (did: Swept["did"]) => this.#options.onSweep?.({ tenant: id, bytes, did });
    report("measured");
    if (bytes > limits.sizeBytes) {
      if (!full) {
        await this.#options.setFull(id, true, bytes);
        report("filled");
      }
      // Those that another process opened before it knew, too.
      await this.#server.endSessions(id, ["owner", "read-write"], this.#rooms.get(id)?.pid);
      // With functions that run with their owner's rights a session writes whatever its role is.
      const allowed = limits.sizeBytes * reduceSlack + reduceSlackBytes;
      if (full && bytes > before && bytes > allowed) {
        await this.#server.suspend(id, this.#penalties.next(id));
        report("suspended");
      } else this.#makeRoom(tenant);
    } else if (full) {
      if (bytes < limits.sizeBytes * roomAgain) {
        await this.#options.setFull(id, false, bytes);
        await this.#server.endSessions(id, ["reduce"]);
        report("freed");
      } else this.#makeRoom(tenant);
    }
  }

  #makeRoom(tenant: Tenant): void {
    const last = this.#roomMade.get(tenant.id) ?? { at: 0, rewritten: new Map() };
    if (!tenant.full || tenant.place.kind !== "platform" || Date.now() - last.at < roomEveryMs) return;
    if (this.#stopped || this.#rooms.has(tenant.id) || this.#rooms.size >= roomsAtATime) return;
    // As the owner itself: VACUUM calls the functions of its indexes.
    const address = backendAddress(this.#server.address, { ...tenant, full: false }, "owner");
    const room: Room = { pid: 0, made: Promise.resolve() };
    this.#rooms.set(tenant.id, room);
    const begun = (pid: number) => {
      room.pid = pid;
    };
    room.made = this.#apart(() => makeRoom(address, last.rewritten, begun)).finally(() => {
      this.#rooms.delete(tenant.id);
      this.#roomMade.set(tenant.id, { ...last, at: Date.now() });
      // What it gave back is seen at the next look.
      this.#measured.delete(tenant.id);
    });
  }

  async #age(id: DatabaseId): Promise<void> {
    if (Date.now() - (this.#aged.get(id) ?? 0) < ageEveryMs) return;
    this.#aged.set(id, Date.now());
    if ((await this.#server.endSessions(id)) === 0) return;
    this.#options.onSweep?.({ tenant: id, bytes: this.#measured.get(id)?.bytes ?? 0, did: "aged" });
  }

  async #heal(): Promise<void> {
    for (const id of await this.#server.unwell()) {
      await this.#apart(async () => {
        const tenant = await this.#options.tenant(id);
        if (tenant?.place.kind !== "platform") return;
        if (await this.#server.heal(id, tenant.place.passwords, tenant.limits)) {
          this.#options.onSweep?.({ tenant: id, bytes: this.#measured.get(id)?.bytes ?? 0, did: "healed" });
        }
      });
    }
  }

  /** Work on one tenant: when it fails, the others' goes on. */
  async #apart(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      if (!this.#stopped) this.#options.onError(thrown);
    }
  }

  async #databases(): Promise<Record<"all" | "active" | "old", Set<DatabaseId>>> {
    const { rows } = await this.#server.read((queries) =>
      sql<{ datname: string; active: boolean; age: number }>`
        select d.datname, age(d.datfrozenxid) as age, exists (
          select from pg_stat_activity s where s.datid = d.oid and s.backend_type = 'client backend'
            and (s.state <> 'idle' or s.state_change > clock_timestamp() - interval '5 s')) as active
        from pg_database d where starts_with(d.datname, 'ow_') and d.datallowconn`.execute(queries),
    );
    const all = new Set<DatabaseId>();
    const active = new Set<DatabaseId>();
    const old = new Set<DatabaseId>();
    const oldest = this.#options.oldestTransactions ?? oldestTransactions;
    for (const row of rows) {
      const id = tenantOf(row.datname)?.id;
      if (id === undefined) continue;
      all.add(id);
      if (row.active) active.add(id);
      if (row.age > oldest) old.add(id);
    }
    return { all, active, old };
  }

  #forget(id: DatabaseId): void {
    this.#measured.delete(id);
    this.#roomMade.delete(id);
    this.#aged.delete(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sweeps[Symbol.asyncDispose]();
    this.#stopped = true;
    const rooms = [...this.#rooms.values()];
    if (rooms.length > 0) {
      await this.#apart(async () => {
        const pids = rooms.map(({ pid }) => pid);
        await this.#server.read((queries) =>
          sql`select pg_terminate_backend(pid) from pg_stat_activity where pid = any(${pids})`.execute(
            queries,
          ),
        );
      });
    }
    await Promise.all(rooms.map(({ made }) => made));
  }
}
