import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CpuFairness } from "../cpu/cpu-fairness.ts";
import { type TestServer, testServers } from "../testing/test-server.ts";
import { TenantServer } from "./tenant-server.ts";
import { errorCode, makeTenant, openSession } from "./testing/tenants.ts";
import { type Bite, Watchdog } from "./watchdog.ts";

/** Compares each element of the one array with each of the other, and looks up at nothing until it has: for minutes. */
const deaf = "select a && b from pair";
const pair = `set statement_timeout = 0;
  create table pair as select array_agg(i) as a, array_agg(-i) as b from generate_series(1, 200000) i`;

for (const [name, start] of testServers) {
  describe(`on ${name}`, () => {
    const stack = new AsyncDisposableStack();
    let postgres: TestServer;
    let server: TenantServer;

    beforeAll(async () => {
      postgres = stack.use(await start());
      // Nothing else ends what is deaf, and the server waits for it when it is asked to stop.
      stack.defer(() => postgres.kill());
      server = stack.use(TenantServer.connect(postgres.url));
      await server.prepare();
    });
    afterAll(() => stack.disposeAsync());

    test("a session that no signal ends has its tenant shut out and goes behind the others, who go on", async () => {
      const hostile = await makeTenant(server, "hostile", { statementMs: 2_000 });
      const neighbour = await makeTenant(server, "neighbour");
      const found = Promise.withResolvers<Bite>();
      await using _ = await Watchdog.start(server, {
        limits: async (id) => (id === hostile.id ? hostile.limits : neighbour.limits),
        onBite: (bite) => {
          if (bite.offence === "deaf") found.resolve(bite);
        },
        onError: (thrown) => console.error(thrown),
        everyMs: 100,
      });
      const lowered: number[] = [];
      using cpu = new CpuFairness({
        priority: (pid, down) => {
          if (down) lowered.push(pid);
          return true;
        },
      });
      const session = await openSession(server, hostile);
      await session.query(pair);
      session.query(deaf).catch(() => {});

      const bite = await found.promise;
      expect(bite).toMatchObject({ tenant: hostile.id, role: "owner", action: "suspended", allowed: 2_000 });
      const refused = await openSession(server, hostile).catch((thrown: unknown) => errorCode(thrown));
      expect(refused).toBe("28000");
      await using other = await openSession(server, neighbour);
      expect((await other.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
      cpu.lowerForGood(hostile.id, bite.pid);
      expect(lowered).toEqual([bite.pid]);
    });
  });
}
