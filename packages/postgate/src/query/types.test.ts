import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Tenant } from "../tenant.ts";
import { TestPostgate } from "../testing/test-postgate.ts";
import { testServers } from "../testing/test-server.ts";
import { typeContract, typeContractSetup } from "../testing/type-contract.ts";

describe.each(testServers)("%s", (_, start) => {
  const stack = new AsyncDisposableStack();
  let postgate: TestPostgate;
  let tenant: Tenant;

  beforeAll(async () => {
    postgate = stack.use(await TestPostgate.open(stack.use(await start())));
    tenant = await postgate.make("types");
    expect((await postgate.query(tenant, { script: typeContractSetup })).error).toBeUndefined();
  });
  afterAll(() => stack.disposeAsync());

  test.each(typeContract)("$expression is $type", async ({ expression, type, json }) => {
    const request = new Request("http://postgate/query", {
      method: "POST",
      body: JSON.stringify({ sql: `select ${expression} as value` }),
    });
    const text = await (await postgate.postgate.query(tenant.id, request, { worker: "test" })).text();
    const { results, error } = JSON.parse(text);
    expect(error).toBeUndefined();
    expect(results[0].columns).toEqual([{ name: "value", type }]);
    if (typeof json === "string" && json.startsWith("json:")) {
      expect(text).toContain(`"rows":[[${json.slice(5)}]]`);
    } else {
      expect(results[0].rows).toEqual([[json]]);
    }
  });

  test("a value goes in as text of any type, and comes out the same", async () => {
    const values = [
      ["int8", "9223372036854775807"],
      ["numeric", "0.10"],
      ["bytea", "\\x00ff"],
      ["int4[]", "{1,NULL}"],
      ["timestamptz", "2024-01-01 00:00:00+00"],
      ["jsonb", '{"a": 9007199254740993}'],
      ["mood", "so so"],
      ["text", "\u0001 😀"],
    ] as const;
    for (const [type, value] of values) {
      expect(await postgate.rows(tenant, `select ($1::${type})::text = $2`, [value, value])).toEqual([
        [true],
      ]);
    }
    expect(await postgate.rows(tenant, "select $1::int4 is null", [null])).toEqual([[true]]);
  });

  test("over plain HTTP a number and a boolean may be a value", async () => {
    const { results } = await postgate.query(tenant, {
      sql: "select $1::float8, $2::bool",
      params: [1.5, true],
    });
    expect(results[0]?.rows).toEqual([[1.5, true]]);
  });
});
