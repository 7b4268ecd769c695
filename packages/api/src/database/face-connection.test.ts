import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TestApi, testApi } from "../testing/api.ts";
import { callerDatabase } from "./caller-database.ts";
import { FaceConnection } from "./face-connection.ts";
import { faceOf } from "./session.ts";
import type { SqlBinding } from "./socket.ts";
import { statement } from "./statement.ts";

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );

/** The binding, with what is written to it. */
function watched(sql: SqlBinding) {
  const writes: number[] = [];
  const binding: SqlBinding = {
    connect() {
      const socket = sql.connect();
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          writes.push(chunk.byteLength);
          controller.enqueue(chunk);
        },
      });
      void readable.pipeTo(socket.writable).catch(() => {});
      return { readable: socket.readable, writable, close: () => socket.close() };
    },
  };
  return { binding, writes };
}

const byName = statement<"name", { name: string }>((queries, value) =>
  queries.selectFrom("users").select("name").where("name", "=", value<string>("name")),
);

describe("a connection to the face", () => {
  test("is opened, asked and left with one write", async () => {
    const { binding, writes } = watched(api.env.SQL);
    const database = callerDatabase(faceOf(binding, api.ada.token));
    expect(await database.looking(byName, { name: "ada" })).toEqual([{ name: "ada" }]);
    expect(writes).toHaveLength(1);
    // Whom policies keep to themselves.
    expect(await database.looking(byName, { name: "bob" })).toEqual([]);
  });

  test("knows whose it is, and refuses who is nobody", async () => {
    const ada = new FaceConnection(api.env.SQL, api.ada.token);
    expect(await ada.caller()).toBe(api.ada.id);
    ada.close();
    const nobody = new FaceConnection(api.env.SQL, "ow_nobody");
    const asked = rejection(nobody.query("select 1"));
    expect(await rejection(nobody.caller())).toMatchObject({ code: "UNAUTHORIZED" });
    expect(await asked).toMatchObject({ code: "UNAUTHORIZED" });
    expect(await rejection(nobody.query("select 1"))).toMatchObject({ code: "UNAUTHORIZED" });
  });

  test("answers each statement with its own rows, and what follows a failed one with that", async () => {
    const connection = new FaceConnection(api.env.SQL, api.ada.token);
    const answers = await Promise.all([
      connection.query("select generate_series(1, 2) as n"),
      connection.query(
        "select $1::text as text, $2::bytea as bytes, $3::int[] as list, $4::text as nothing",
        ["ö", new Uint8Array([0, 255]), [1, 2], null],
      ),
      connection.query("select 1 as first; select 2 as last"),
      rejection(connection.query("select 1 / $1::int", [0])),
      rejection(connection.query("select 3")),
    ]);
    expect(answers[0].rows).toEqual([{ n: 1 }, { n: 2 }] as never[]);
    expect(answers[0]).toMatchObject({ command: "SELECT", rowCount: 2 });
    expect(answers[1].rows).toEqual([
      { text: "ö", bytes: Buffer.from([0, 255]), list: [1, 2], nothing: null },
    ] as never[]);
    expect(answers[2].rows).toEqual([{ last: 2 }] as never[]);
    expect(answers[3]).toMatchObject({ code: "22012" });
    expect(answers[4]).toMatchObject({ code: "25P02" });
    connection.close();
  });

  test("takes an answer of megabytes, in however many pieces", async () => {
    const connection = new FaceConnection(api.env.SQL, api.ada.token);
    const { rows } = await connection.query<{ text: string }>("select repeat('x', $1) as text", [5_000_000]);
    expect(rows[0]?.text.length).toBe(5_000_000);
    connection.close();
  });

  test("that ends leaves nobody waiting", async () => {
    const connection = new FaceConnection(api.env.SQL, api.ada.token);
    await connection.caller();
    const asked = rejection(connection.query("select pg_sleep(60)"));
    connection.close();
    expect(await asked).toMatchObject({ message: "Connection terminated" });
    const ended = new FaceConnection(api.env.SQL, api.ada.token);
    await ended.query("commit");
    expect(await rejection(ended.query("select 1"))).toMatchObject({ code: "25P01" });
  });
});

test("what only reads cannot write", async () => {
  const database = callerDatabase(faceOf(api.env.SQL, api.ada.token));
  const written = database.reading(({ queries }) =>
    queries.updateTable("users").set({ display_name: "Ada" }).execute(),
  );
  expect(await rejection(written)).toMatchObject({ code: "25006" });
});

test("a transaction whose work fails has done nothing", async () => {
  const database = callerDatabase(faceOf(api.env.SQL, api.ada.token));
  const failed = database.together(async ({ queries, caller }) => {
    await queries.updateTable("users").set({ display_name: "Ada" }).where("id", "=", caller).execute();
    throw new Error("no");
  });
  expect(await rejection(failed)).toMatchObject({ message: "no" });
  const named = ({ display_name }: { display_name: string | null }) => display_name;
  const rows = await database.read((queries) =>
    queries.selectFrom("users").select("display_name").where("id", "=", api.ada.id).execute(),
  );
  expect(rows.map(named)).toEqual([null]);
});
