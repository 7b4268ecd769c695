import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { Client } from "pg";
import { socketUrlOf, TestPlatform, tenantPasswords, tenantsServers } from "./testing/platform.ts";

const parts = new AsyncDisposableStack();
const platforms = await Promise.all(
  (await tenantsServers(parts)).map(async (server) => parts.use(await TestPlatform.start(server))),
);
afterAll(() => parts.disposeAsync());

for (const platform of platforms) {
  test(`on ${platform.server.version}: kill -9 of Postgate leaves no backend, no transaction and nothing running`, async () => {
    const { id } = await platform.tenant();
    await platform.directory.tenant(id);
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "testing/face-alone.ts")], {
      env: {
        FACE: JSON.stringify({
          server: socketUrlOf(platform.server.address),
          id,
          place: { kind: "platform", passwords: tenantPasswords },
        }),
      },
      stdout: "pipe",
    });
    const { value } = await child.stdout.getReader().read();
    const port = Number(new TextDecoder().decode(value));
    const connect = async () => {
      const client = new Client({ host: "127.0.0.1", port, user: "u", password: "any", database: "d" });
      client.on("error", () => {});
      await client.connect();
      return client;
    };
    const [idle, open, busy] = [await connect(), await connect(), await connect()];
    await idle.query("create table t (a int)");
    await idle.query("insert into t values (1)");
    await open.query("begin");
    await open.query("insert into t values (2)");
    const query = `insert into t select 3 from pg_sleep(120)`;
    busy.query(query).catch(() => {});
    const sql = "select 1 from pg_stat_activity where state = 'active' and query = $1";
    while ((await platform.ask(sql, [query])).length === 0) await Bun.sleep(10);
    await platform.sessions(id, 3);
    child.kill("SIGKILL");
    await child.exited;
    await platform.sessions(id, 0);
    const { token } = await platform.token(id, "owner");
    const after = await platform.connect(token);
    expect((await after.query("select a from t")).rows).toEqual([{ a: 1 }]);
  });
}
