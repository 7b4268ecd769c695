import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { registerSealingKey, SecretKeys } from "@openworkers/db";
import { type TestDatabase, temporaryDirectory, withTestDatabase } from "@openworkers/db/testing";
import { sql } from "kysely";
import { Output } from "../output/output.ts";
import { startPostgate } from "./postgate.ts";

const variables = ["OW_TENANTS_URL", "OW_POSTGATE_PORT", "OW_POSTGATE_TLS_CERT"] as const;
let own: TestDatabase;
let dataDir: string;
beforeEach(async () => {
  own = await withTestDatabase();
  dataDir = temporaryDirectory();
});
afterEach(async () => {
  for (const name of variables) delete process.env[name];
  await own[Symbol.asyncDispose]();
});

async function start(ports: { readonly postgres?: number } = { postgres: 0 }) {
  const { database, url: databaseUrl } = own;
  const secretKeys = await SecretKeys.load({ directory: dataDir });
  await registerSealingKey(database, secretKeys);
  const output = new Output({ json: true });
  return await startPostgate({
    database,
    databaseUrl,
    secretKeys,
    dataDir,
    ports: { http: 0, ...ports },
    output,
    report: () => {},
  });
}

test("a server that lets us only in part leaves databases off, with the reason, and no more than that", async () => {
  const role = `plain_${crypto.randomUUID().replaceAll("-", "")}`;
  const url = new URL(own.url);
  url.searchParams.set("user", role);
  url.searchParams.set("password", "x");
  process.env.OW_TENANTS_URL = url.href;
  await own.database.read((queries) =>
    sql.raw(`create role ${role} login createdb createrole password 'x'`).execute(queries),
  );
  using written = spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    expect(await start()).toBeUndefined();
    const said = written.mock.calls.map(([text]) => String(text)).join("");
    expect(said).toContain("Tenant databases are off; all else works.");
    expect(said).toContain("superuser");
    expect(said).not.toContain("password");
  } finally {
    await own.database.read((queries) => sql.raw(`drop role ${role}`).execute(queries));
  }
});

test("a port that was asked for and is taken is an error; one that is only preferred is not", async () => {
  using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  await expect(start({ postgres: taken.port })).rejects.toMatchObject({ code: "PORT_IN_USE" });
  const first = await start({});
  const second = await start({});
  if (first === undefined || second === undefined) throw new Error("databases are off");
  await using _first = first.service;
  await using _second = second.service;
  expect(second.faces.port).not.toBe(first.faces.port);
});

const wrong = [
  ["OW_POSTGATE_PORT", "many", 'OW_POSTGATE_PORT is "many"'],
  ["OW_POSTGATE_TLS_CERT", "/nowhere", "go together"],
] as const;
for (const [name, value, says] of wrong) {
  test(`${name}=${value} is refused before anything is started`, async () => {
    process.env[name] = value;
    await expect(start()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(says),
    });
  });
}
