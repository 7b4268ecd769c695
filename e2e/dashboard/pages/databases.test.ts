import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { look, until } from "../browser.ts";
import { join } from "../people.ts";
import { dashboardTests } from "../rig.ts";

const tests = dashboardTests();

interface Result {
  readonly rows: readonly (readonly unknown[])[];
}

/** What a statement gives through the API, as Ada. */
async function sql(database: string, text: string): Promise<readonly (readonly unknown[])[]> {
  const { results } = await tests.dashboard.api<{ results: readonly Result[] }>(
    "POST",
    `/databases/${database}/query`,
    { sql: text },
  );
  return results[0]?.rows ?? [];
}

async function made(name: string, script: string): Promise<void> {
  await tests.dashboard.api("POST", "/databases", { name });
  await tests.dashboard.api("POST", `/databases/${name}/query`, { script });
}

/** Replaces what is in the console's editor. */
async function write(page: Page, text: string): Promise<void> {
  const editor = page.locator("ow-code-editor .view-lines");
  await editor.waitFor();
  await page.getByRole("button", { name: "Run", exact: true }).waitFor();
  await editor.click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.insertText(text);
  await page.keyboard.press("Escape");
}

const shapes = `
  create type mood as enum ('sad', 'so so', 'happy');
  create table things (
    id int8 primary key, name varchar(40) not null, price numeric(30, 10), mood mood default 'so so', ok boolean,
    doc jsonb, raw bytea, at timestamptz, tags text[], twice int generated always as (2 * 21) stored);
  create unique index by_name on things (name);
  insert into things (id, name, price, doc, raw, at, tags)
    values (9007199254740993, 'exact', 12345678901234567890.0123456789, '{"n": 9007199254740993}', '\\x00ff', '2026-11-23 10:00:00.123456+00', '{a,"b c"}');
  insert into things (id, name, ok) select n, 'thing ' || n, n % 2 = 0 from generate_series(1, 60) n;
  create table keyless (a int); insert into keyless values (1);
  create view names as select name from things`;

test("the first database is made from the empty list, and found there again", async () => {
  const page = await tests.dashboard.page("/databases");
  await page.getByRole("heading", { name: "No databases yet" }).waitFor();
  expect(await look(page, "databases-empty")).toEqual([]);
  await page.getByRole("main").getByRole("button", { name: "New database" }).first().click();
  await page.getByLabel("Name").fill("shop");
  expect(await look(page, "databases-create")).toEqual([]);
  await page.getByRole("button", { name: "Create" }).click();
  await page.waitForURL("**/databases/shop/tables");
  await page.getByRole("heading", { name: "No tables yet" }).waitFor();
  expect(await sql("shop", "select 1")).toEqual([[1]]);
  await page.goto("/databases");
  await page
    .getByRole("row", { name: /shop ready/ })
    .getByText("none")
    .waitFor();
});

test("statements run in the console; their results are a table, JSON and CSV, and are remembered", async () => {
  await tests.dashboard.api("POST", "/databases", { name: "console" });
  const page = await tests.dashboard.page("/databases/console/console");
  await write(
    page,
    "create table items (id int8 primary key, name text);\ninsert into items values (9007199254740993, 'a, \"b\"'), (2, null);\nselect * from items order by id;",
  );
  await page.getByRole("button", { name: "Run all" }).click();
  const region = page.getByRole("region", { name: "Rows of the result" });
  await region.getByRole("cell", { name: "9007199254740993" }).waitFor();
  await region.getByText("NULL").waitFor();
  expect(await page.getByRole("group", { name: "Results" }).getByRole("button").allTextContents()).toEqual([
    expect.stringContaining("1. CREATE TABLE"),
    expect.stringContaining("2. INSERT"),
    expect.stringContaining("3. SELECT"),
  ]);
  expect(await look(page, "databases-console")).toEqual([]);
  await page.getByRole("button", { name: "CSV", exact: true }).first().click();
  await page.getByText('9007199254740993,"a, ""b"""').waitFor();
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "CSV", exact: true }).last().click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe("console.csv");
  expect(await Bun.file(await download.path()).text()).toBe(
    'id,name\r\n2,\r\n9007199254740993,"a, ""b"""\r\n',
  );
  await page.getByRole("button", { name: "JSON", exact: true }).first().click();
  await page.getByText('{"id":"9007199254740993","name":"a, \\"b\\""}').waitFor();

  // Only the statement at the cursor, with its parameters.
  await write(page, "select 1 as first;\nselect $1::int + 1 as sum, $2::text as nothing");
  await page.getByLabel("$1", { exact: true }).fill("41");
  await page.getByLabel("$2 is NULL").check();
  await page.locator("ow-code-editor .view-lines").click();
  await page.keyboard.press("ControlOrMeta+End");
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.getByRole("button", { name: "Table", exact: true }).click();
  await region.getByRole("columnheader", { name: /sum/ }).waitFor();
  expect(await region.getByRole("row").nth(1).getByRole("cell").allTextContents()).toEqual(
    ["1", " 42 ", " NULL "].map((text) => expect.stringMatching(new RegExp(`^\\s*${text.trim()}\\s*$`))),
  );

  // After a reload the text is there, and what was run can be taken up again.
  await page.reload();
  await page.getByText("as nothing").waitFor();
  await page.getByRole("button", { name: "History" }).click();
  const dialog = page.getByRole("dialog", { name: "History" });
  await dialog.getByRole("listitem").nth(1).waitFor();
  expect(await dialog.getByRole("listitem").count()).toBe(2);
  await dialog.getByRole("button", { name: "Put into the editor" }).last().click();
  await page.locator("ow-code-editor").getByText("create table items").waitFor();
});

test("a mistake is shown where it is, with PostgreSQL's words; a plan is readable; a statement is cancelled", async () => {
  await made(
    "plans",
    "create table numbers (n int primary key); insert into numbers select generate_series(1, 500); analyze numbers",
  );
  const page = await tests.dashboard.page("/databases/plans/console");
  await write(page, "select 1;\nselect '😀', nothing from numbers");
  await page.keyboard.press("ControlOrMeta+Enter");
  const alert = page.getByRole("alert");
  await alert.getByText('column "nothing" does not exist').waitFor();
  await alert.getByText("42703").waitFor();
  expect(await look(page, "databases-console-error")).toEqual([]);
  await alert.getByRole("button", { name: "Line 2, column 14" }).click();
  await page.locator("ow-code-editor .squiggly-error").waitFor({ state: "attached" });

  await write(page, "select * from numbers where n < $1");
  await page.getByLabel("$1", { exact: true }).fill("100");
  await page.getByRole("button", { name: "Explain", exact: true }).click();
  const plan = page.getByRole("table", { name: "Query plan" });
  await plan
    .getByText(/Scan .*on numbers/)
    .first()
    .waitFor();
  await page.getByText("Not run.").waitFor();
  await page.getByRole("button", { name: "Explain and measure" }).click();
  await page.getByText("Run and rolled back").waitFor();
  await plan
    .getByText(/99 \(\d+\)/)
    .first()
    .waitFor();
  expect(await look(page, "databases-console-plan")).toEqual([]);
  // What is measured is rolled back.
  await write(page, "delete from numbers where n = $1");
  await page.getByRole("button", { name: "Explain and measure" }).click();
  await plan.getByText("Delete on numbers").waitFor();
  expect(await sql("plans", "select count(*)::int from numbers")).toEqual([[500]]);

  await write(page, "select pg_sleep(25)");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const sleeping =
    "select count(*)::int from pg_stat_activity where query = 'select pg_sleep(25)' and state = 'active'";
  const until = async (count: number) => {
    while ((await sql("plans", sleeping))[0]?.[0] !== count) await Bun.sleep(50);
  };
  await until(1);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("Cancelled after").waitFor();
  await until(0);
});

test("rows are filtered, sorted, paged, inserted, changed and deleted with every digit", async () => {
  await made("rows", shapes);
  const page = await tests.dashboard.page("/databases/rows/tables");
  await page.getByRole("navigation", { name: "Tables" }).getByRole("link", { name: "things" }).click();
  const rows = page.getByRole("region", { name: "Rows of things" });
  await page.getByText("1–50 of 61").waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("51–61 of 61").waitFor();
  await rows.getByRole("cell", { name: "9007199254740993", exact: true }).waitFor();
  await rows.getByRole("cell", { name: "12345678901234567890.0123456789", exact: true }).waitFor();
  await page.getByRole("button", { name: "Columns of things" }).click();
  expect(await look(page, "databases-rows")).toEqual([]);
  await rows.getByRole("button", { name: "id bigint" }).click();
  await rows.getByRole("button", { name: "id bigint" }).click();
  await page.getByText("1–50 of 61").waitFor();
  await rows
    .getByRole("columnheader", { name: "id bigint" })
    .and(page.locator("[aria-sort=descending]"))
    .waitFor();

  // Each value exactly as PostgreSQL has it, and changed as it is written.
  await rows.getByRole("button", { name: "Edit the row id = 9007199254740993" }).click();
  const dialog = page.getByRole("dialog", { name: "things: 9007199254740993" });
  const field = (name: RegExp) => dialog.getByLabel(name);
  await field(/^doc jsonb/).waitFor();
  expect(await field(/^doc jsonb/).inputValue()).toBe('{"n": 9007199254740993}');
  expect(await field(/^raw bytea/).inputValue()).toBe("\\x00ff");
  expect(await field(/^at timestamp/).inputValue()).toBe("2026-11-23 10:00:00.123456+00");
  expect(await field(/^tags text/).inputValue()).toBe('{a,"b c"}');
  await field(/^price numeric/).fill("98765432109876543210.0000000001");
  await field(/^doc jsonb/).fill("{");
  await dialog.getByText(/Not JSON/).waitFor();
  await field(/^doc jsonb/).fill('{"m": 9007199254740995}');
  await dialog.getByRole("button", { name: "Format" }).click();
  const formatted = '{\n  "m": 9007199254740995\n}';
  while ((await field(/^doc jsonb/).inputValue()) !== formatted) await Bun.sleep(20);
  await dialog.getByLabel("ok is a", { exact: true }).selectOption("value");
  await field(/^ok boolean/).selectOption("true");
  await field(/^mood mood/).selectOption("happy");
  await dialog
    .locator("input[type=file]")
    .setInputFiles({ name: "a.bin", mimeType: "application/octet-stream", buffer: Buffer.from([1, 2, 254]) });
  await dialog.getByLabel("at is a", { exact: true }).selectOption("null");
  expect(await look(page, "databases-row")).toEqual([]);
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved the row.").waitFor();
  const all =
    "select price::text, doc::text, ok, mood, raw::text, at from things where id = 9007199254740993";
  expect(await sql("rows", all)).toEqual([
    ["98765432109876543210.0000000001", '{"m": 9007199254740995}', true, "happy", "\\x0102fe", null],
  ]);

  // Somebody else was faster.
  await rows.getByRole("button", { name: "Edit the row id = 9007199254740993" }).click();
  await field(/^name character/).fill("mine");
  await sql("rows", "update things set name = 'theirs' where id = 9007199254740993");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("changed or deleted meanwhile").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();

  await page.getByRole("button", { name: "Insert row" }).click();
  const insert = page.getByRole("dialog", { name: "New row of things" });
  await insert.getByLabel("id is a").selectOption("value");
  await insert.getByLabel(/^id bigint/).fill("-5");
  await insert.getByRole("button", { name: "Insert" }).click();
  await insert.getByText("A value is needed.").waitFor();
  await insert.getByLabel("name is a").selectOption("value");
  await insert.getByLabel(/^name character/).fill("theirs");
  await insert.getByRole("button", { name: "Insert" }).click();
  await insert.getByText("(name)=(theirs) already exists").waitFor();
  await insert.getByLabel(/^name character/).fill("new 100%");
  await insert.getByRole("button", { name: "Insert" }).click();
  await page.getByText("Inserted the row.").waitFor();
  expect(await sql("rows", "select name, mood, ok from things where id = -5")).toEqual([
    ["new 100%", "so so", null],
  ]);

  await page.getByRole("button", { name: "Filter", exact: true }).click();
  const filter = page.getByRole("group", { name: "Filter 1" });
  await filter.getByLabel("Column").selectOption("name");
  await filter.getByLabel("Comparison").selectOption({ label: "contains" });
  await filter.getByLabel("Value").fill("100%");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText("1–1 of 1").waitFor();
  expect(new URL(page.url()).searchParams.get("where")).toBe('[["name","has","100%"]]');
  await rows.getByLabel("Choose the row id = -5").check();
  await page.getByRole("button", { name: "Delete 1" }).click();
  await page.getByRole("button", { name: "Delete this row" }).click();
  await page.getByText("No row meets the filters.").waitFor();
  expect(await sql("rows", "select 1 from things where id = -5")).toEqual([]);

  await page.goto(`${page.url()}&view=structure`);
  await page.getByText("CREATE UNIQUE INDEX by_name").waitFor();
  expect(await look(page, "databases-structure")).toEqual([]);
  await page.getByRole("navigation", { name: "Tables" }).getByRole("link", { name: "keyless" }).click();
  await page.getByText("without a primary key").waitFor();
  expect(await page.getByRole("button", { name: "Insert row" }).count()).toBe(0);
});

test("a token is made, told once, lets a client in, and is revoked", async () => {
  await made("tokens", "create table t (a int); insert into t values (7)");
  const page = await tests.dashboard.page("/databases/tokens/tokens");
  await page.getByRole("heading", { name: "No tokens yet" }).waitFor();
  await page.getByRole("button", { name: "New token" }).first().click();
  await page.getByLabel("Name").fill("reports");
  await page.getByRole("button", { name: "Create token" }).click();
  const token = (await page.getByText(/^owdb_/).textContent())?.trim() ?? "";
  const url = (await page.getByText(/^postgres:\/\//).textContent())?.trim() ?? "";
  expect(await look(page, "databases-token")).toEqual([]);
  await using client = new Bun.SQL(url, { max: 1 });
  expect([...(await client`select a from t`)]).toEqual([{ a: 7 }]);
  await expect(client`insert into t values (8)`.execute()).rejects.toThrow("read-only");
  await client.close();
  const { databases } = tests.dashboard.platform.ready as { readonly databases: { readonly http: string } };
  const ask = () =>
    fetch(new URL("query", databases.http), {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ sql: "select a from t" }),
    });
  expect((await ask()).status).toBe(200);
  await page.getByRole("button", { name: "I have copied it" }).click();
  await page.getByRole("row", { name: /reports read-only/ }).waitFor();
  await until(page, `!document.documentElement.outerHTML.includes(${JSON.stringify(token)})`);
  expect(await look(page, "databases-tokens")).toEqual([]);

  await page.getByRole("link", { name: "Connect", exact: true }).click();
  await page.getByText(url.replace(token, "TOKEN"), { exact: true }).waitFor();
  await page.getByText('"database_name": "tokens"').waitFor();
  expect(await look(page, "databases-connect")).toEqual([]);

  await page.getByRole("link", { name: "Tokens", exact: true }).first().click();
  await page.getByRole("button", { name: "Revoke reports" }).click();
  await page.getByRole("button", { name: "Revoke the token" }).click();
  await page.getByText("reports is revoked.").waitFor();
  expect((await ask()).status).toBe(401);
});

test("a database is limited, renamed and deleted, and its dump told of", async () => {
  await made("before", "create table t (a int)");
  const page = await tests.dashboard.page("/databases/before/settings");
  await page.getByLabel("Rows of an answer").fill("2");
  await page.getByLabel("Time of a statement").fill("many");
  await page.getByText("Not a number.").waitFor();
  await page.getByLabel("Time of a statement").fill("0");
  await page.getByRole("button", { name: "Save limits" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Time of a statement").fill("1.5");
  await page.getByRole("button", { name: "Save limits" }).click();
  await page.getByText("The limits are in force").waitFor();
  expect(await tests.dashboard.api<object>("GET", "/databases/before")).toMatchObject({
    limits: { resultRows: 2, statementMs: 1_500 },
  });
  await page.getByRole("textbox", { name: "Name" }).fill("after");
  await page.getByRole("button", { name: "Rename" }).click();
  await page.waitForURL("**/databases/after/settings");
  await page.getByRole("heading", { name: "after", exact: true }).waitFor();
  expect(await look(page, "databases-settings")).toEqual([]);

  await page.getByRole("link", { name: "Console" }).click();
  await write(page, "select generate_series(1, 3)");
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.getByText("at most 2 rows").waitFor();

  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Delete after" }).click();
  await page.getByRole("button", { name: "Delete the database", disabled: true }).waitFor();
  await page.getByLabel(/to confirm/).fill("after");
  await page.getByRole("button", { name: "Delete the database" }).click();
  await page.waitForURL("**/databases");
  await page.getByText("after is deleted; its dump is kept.").waitFor();
  await page.getByText(/^after-[0-9a-f-]+\.sql\.gz$/).waitFor();
  expect(await look(page, "databases-dumps")).toEqual([]);
});

test("a copy has what its source has; a list that does not come says so, and comes with another try", async () => {
  await made("source", "create table t (a int); insert into t values (5)");
  const page = await tests.dashboard.page("/");
  const fail = "**/v1/databases?*";
  await page.route(fail, (route) =>
    route.fulfill({
      status: 500,
      json: { error: { code: "INTERNAL", message: "Something failed.", requestId: "r" } },
    }),
  );
  await page.goto("/databases");
  await page.getByText("Something failed.").waitFor();
  await page.unroute(fail);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("button", { name: "Copy source" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("copied");
  await page.getByRole("button", { name: "Create" }).click();
  await page.waitForURL("**/databases/copied/tables");
  await page
    .getByRole("navigation", { name: "Tables" })
    .getByRole("link", { name: "t", exact: true })
    .waitFor();
  expect(await sql("copied", "select a from t")).toEqual([[5]]);
});

test("a viewer looks at rows and runs what reads, and cannot write", async () => {
  const { dashboard } = tests;
  await dashboard.api("POST", "/accounts", { name: "acme" });
  const grace = await join(dashboard, "acme", { email: "grace@example.com", name: "Grace", role: "viewer" });
  await dashboard.api("POST", "/databases?account=acme", { name: "theirs" });
  await dashboard.api("POST", "/databases/theirs/query?account=acme", {
    script: "create table t (a int primary key); insert into t values (1)",
  });
  const page = await dashboard.page("/databases", grace);
  await page.getByRole("combobox", { name: "Account", exact: true }).selectOption({ label: "acme" });
  await page.getByRole("link", { name: "theirs" }).click();
  expect(await page.getByRole("button", { name: "New database" }).count()).toBe(0);
  await page
    .getByRole("navigation", { name: "Tables" })
    .getByRole("link", { name: "t", exact: true })
    .click();
  await page.getByText("your role may look").waitFor();
  await page.getByRole("button", { name: "View the row a = 1" }).click();
  await page
    .getByRole("dialog")
    .getByLabel(/^a integer/)
    .waitFor();
  expect(await page.getByRole("button", { name: "Save" }).count()).toBe(0);
  await page.keyboard.press("Escape");
  expect(await page.getByRole("button", { name: "Insert row" }).count()).toBe(0);
  await page.getByRole("link", { name: "Console" }).click();
  await page.getByText("Reading only.").waitFor();
  await write(page, "insert into t values (2)");
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.getByRole("alert").getByText("25006").waitFor();
  await page.getByRole("link", { name: "Tokens" }).click();
  await page.getByRole("heading", { name: "No tokens yet" }).waitFor();
  expect(await page.getByRole("button", { name: "New token" }).count()).toBe(0);
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByText("Only owners and admins may.").waitFor();
  for (const name of ["Delete theirs", "Rename", "Save limits"]) {
    await page.getByRole("button", { name, disabled: true }).waitFor();
  }
  for (const [method, path, body] of [
    ["POST", "/databases?account=acme", { name: "another" }],
    ["POST", "/databases/theirs/tokens?account=acme", { name: "mine", scope: "read-only" }],
    ["PATCH", "/databases/theirs?account=acme", { name: "mine" }],
    ["DELETE", "/databases/theirs?account=acme", undefined],
  ] as const) {
    await expect(dashboard.api(method, path, body, grace.token)).rejects.toThrow("answered 403");
  }
});
