import { afterAll, beforeAll, expect, test } from "bun:test";
import { TestPostgate, until } from "../testing/test-postgate.ts";
import { embedded } from "../testing/test-server.ts";

const stack = new AsyncDisposableStack();
let gate: TestPostgate;

beforeAll(async () => {
  gate = stack.use(await TestPostgate.open(stack.use(await embedded())));
});
afterAll(() => stack.disposeAsync());

/** Ends the first session that is found asking what types are called. */
const killer = `do $$ begin
  loop
    perform pg_stat_clear_snapshot();
    perform pg_terminate_backend(pid) from pg_stat_activity
      where query like '%recursive wanted%' and state = 'active' and pid <> pg_backend_pid();
    exit when found;
  end loop;
end $$`;

test("a session that ends while types are asked for costs neither the answer nor its place", async () => {
  const tenant = await gate.make("types");
  let killed = false;
  const killing = gate.tenants.admin(killer).then(() => {
    killed = true;
  });
  let round = 0;
  do {
    const enums = Array.from({ length: 400 }, (_, at) => `r${round}_${at}`);
    const types = enums.map((name) => `create type ${name} as enum ('x')`).join(";");
    expect((await gate.query(tenant, { script: types })).error).toBeUndefined();
    const columns = enums.map((name) => `'x'::${name}`).join(", ");
    const { status, results } = await gate.query(tenant, { sql: `select ${columns}` });
    expect([status, results[0]?.rows]).toEqual([200, [enums.map(() => "x")]]);
    round++;
    await Bun.sleep(0);
  } while (!killed && round < 100);
  expect(killed).toBe(true);
  await killing;
  await until(() => gate.postgate.budget.usage.busy === 0);
});
