import { afterAll, expect, test } from "bun:test";
import type { Socket } from "bun";
import { TestPlatform, tenantsServers } from "./testing/platform.ts";
import { codes, message, packet, startup } from "./testing/raw-client.ts";

const parts = new AsyncDisposableStack();
const [server] = await tenantsServers(parts);
if (server === undefined) throw new Error("no PostgreSQL");
const platform = parts.use(await TestPlatform.start(server));
afterAll(() => parts.disposeAsync());

const rows = 262_144;
/** Of one row of a COPY: 1,000 letters and a line feed in a message. */
const rowBytes = 1_006;

/** A client that counts what it gets, and can stop reading. */
class Counter {
  readonly #socket: Socket;
  #last = Buffer.alloc(0);
  #drained: (() => void) | undefined;
  #changed: (() => void) | undefined;
  received = 0;
  closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async login(token: string, tls: boolean): Promise<Counter> {
    const made = Promise.withResolvers<Counter>();
    let counter: Counter | undefined;
    const handlers = {
      open: (socket: Socket) => {
        counter = new Counter(socket);
        if (!tls) made.resolve(counter);
      },
      handshake: () => counter !== undefined && made.resolve(counter),
      data: (_: Socket, bytes: Buffer) => counter?.take(bytes),
      drain: () => counter?.drained(),
      close: () => {
        if (counter === undefined) return;
        counter.closed = true;
        counter.take(Buffer.alloc(0));
      },
      error: () => {},
    };
    if (tls) {
      await Bun.connect({
        hostname: "127.0.0.1",
        port: platform.port,
        socket: {
          open: (socket) => void socket.write(packet(codes.ssl)),
          data: (socket, bytes) => {
            if (bytes.length !== 1 || counter !== undefined) return;
            socket.upgradeTLS({ data: undefined, tls: { rejectUnauthorized: false }, socket: handlers });
          },
        },
      });
    } else await Bun.connect({ hostname: "127.0.0.1", port: platform.port, socket: handlers });
    const client = await made.promise;
    client.#socket.write(startup({ user: "u" }));
    await client.until(() => client.received >= 9);
    client.#socket.write(message("p", `${token}\0`));
    await client.ready();
    return client;
  }

  take(bytes: Buffer): void {
    this.received += bytes.length;
    this.#last = Buffer.concat([this.#last, bytes]).subarray(-4_096);
    this.#changed?.();
  }

  drained(): void {
    this.#drained?.();
  }

  /** Resolves when PostgreSQL is ready for the next statement. */
  ready(): Promise<void> {
    return this.until(() => this.#last.subarray(-6, -1).equals(Buffer.from([0x5a, 0, 0, 0, 5])));
  }

  /** Resolves when the last bytes hold `text`. */
  hears(text: string): Promise<void> {
    return this.until(() => this.#last.includes(text));
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.closed)
        throw new Error(`closed after ${this.received} bytes: ${this.#last.toString("latin1")}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#changed = resolve;
      await promise;
    }
  }

  /** Writes all of it; what the kernel does not take waits, and `onWait` hears of it. What came before is forgotten. */
  async send(bytes: Uint8Array, onWait: () => void = () => {}): Promise<void> {
    this.#last = Buffer.alloc(0);
    for (let at = 0; at < bytes.length; ) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#drained = resolve;
      at += Math.max(0, this.#socket.write(bytes.subarray(at)));
      if (at === bytes.length) return;
      onWait();
      await promise;
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  leave(): void {
    this.#socket.terminate();
  }
}

/** Resolves when a backend of the tenant waits for what the condition says. */
async function waits(event: string): Promise<void> {
  const sql = "select 1 from pg_stat_activity where datname like 'ow_%' and wait_event = $1";
  while ((await platform.ask(sql, [event])).length === 0) await Bun.sleep(20);
}

for (const tls of [false, true]) {
  const how = tls ? "with TLS" : "in the clear";

  test(`${how}: PostgreSQL waits for a client that does not read, and memory stays flat`, async () => {
    const { token } = await platform.tenant();
    const client = await Counter.login(token, tls);
    const before = client.received;
    const rss = process.memoryUsage().rss;
    client.pause();
    await client.send(
      message("Q", `copy (select repeat('x', 1000) from generate_series(1, ${rows})) to stdout\0`),
    );
    await waits("ClientWrite");
    const held = process.memoryUsage().rss - rss;
    client.resume();
    await client.ready();
    // Of 264 MB, a read's worth on each side and what TLS and the allocator keep.
    expect(held).toBeLessThan(64 * 2 ** 20);
    expect(client.received - before).toBeGreaterThanOrEqual(rows * rowBytes);
    client.leave();
  });

  test(`${how}: a client waits for PostgreSQL when it does not read, and memory stays flat`, async () => {
    const { token } = await platform.tenant();
    const client = await Counter.login(token, tls);
    const locking = await platform.connect(token);
    await locking.query("create table t (a text)");
    await locking.query("begin");
    await locking.query("lock table t");
    const rss = process.memoryUsage().rss;
    const chunk = message("d", `${"x".repeat(1_000)}\n`);
    const many = Buffer.concat(Array.from({ length: 1_024 }, () => chunk));
    const stuck = Promise.withResolvers<void>();
    let freed = false;
    const sending = (async () => {
      await client.send(message("Q", "copy t from stdin\0"));
      for (let sent = 0; sent < rows; sent += 1_024) {
        let waited = false;
        const timer = setTimeout(() => waited && stuck.resolve(), 300);
        await client.send(many, () => {
          waited = true;
        });
        clearTimeout(timer);
      }
      expect(freed).toBe(true);
      await client.send(message("c", ""));
    })();
    await waits("relation");
    await stuck.promise;
    const held = process.memoryUsage().rss - rss;
    freed = true;
    await locking.query("commit");
    await sending;
    await client.hears(`COPY ${rows}`);
    expect(held).toBeLessThan(64 * 2 ** 20);
    client.leave();
  });
}
