import type { Client } from "pg";
import { to } from "pg-copy-streams";

/** Relations of a kind that are somebody's own, not a system's nor an extension's. Names as SQL writes them. */
const ownRelations = `
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )`;
const qualified = "pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)";
/** Sequences asked for in one statement. */
const sequencesAtATime = 200;
const largeObjectChunk = 65_536;

interface Table {
  readonly name: string;
  /** Those that hold something: no generated ones. */
  readonly columns: readonly string[];
}

/**
 * What is in the tables, sequences and large objects, as SQL with COPY blocks, in the client's transaction. Holds no more
 * than a few rows at a time. Goes between pg_dump's `pre-data` and `post-data`, which has all that depends on rows.
 */
export async function* tableData(client: Client): AsyncGenerator<Uint8Array> {
  const { rows: tables } = await client.query<Table>(`
    select ${qualified} as name, coalesce((
      select pg_catalog.array_agg(pg_catalog.quote_ident(a.attname)::text order by a.attnum)
      from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    ), '{}') as columns
    ${ownRelations} and c.relkind = 'r' order by c.oid`);
  for (const { name, columns } of tables) {
    const list = columns.length === 0 ? "" : ` (${columns.join(", ")})`;
    yield text(`\nCOPY ${name}${list} FROM stdin;\n`);
    yield* client.query(to(`copy ${name}${list} to stdout`)) as AsyncIterable<Uint8Array>;
    yield text("\\.\n");
  }
  yield* sequences(client);
  yield* largeObjects(client);
}

async function* sequences(client: Client): AsyncGenerator<Uint8Array> {
  const { rows } = await client.query<{ name: string; literal: string }>(`
    select ${qualified} as name, pg_catalog.quote_literal(${qualified}) as literal
    ${ownRelations} and c.relkind = 'S' order by c.oid`);
  for (let first = 0; first < rows.length; first += sequencesAtATime) {
    const asked = rows
      .slice(first, first + sequencesAtATime)
      .map(
        ({ name, literal }) =>
          `select pg_catalog.quote_literal(${literal}) as literal, last_value, is_called from ${name}`,
      );
    const { rows: values } = await client.query<{ literal: string; last_value: string; is_called: boolean }>(
      asked.join(" union all "),
    );
    for (const { literal, last_value, is_called } of values) {
      yield text(`SELECT pg_catalog.setval(${literal}, ${last_value}, ${is_called});\n`);
    }
  }
}

async function* largeObjects(client: Client): AsyncGenerator<Uint8Array> {
  const { rows } = await client.query<{ oid: number }>(
    "select oid from pg_catalog.pg_largeobject_metadata order by oid",
  );
  for (const { oid } of rows) {
    yield text(`SELECT pg_catalog.lo_create(${oid});\n`);
    for (let offset = 0; ; ) {
      const { rows: chunks } = await client.query<{ bytes: Buffer }>(
        "select pg_catalog.lo_get($1, $2, $3) as bytes",
        [oid, offset, largeObjectChunk],
      );
      const bytes = chunks[0]?.bytes ?? Buffer.alloc(0);
      if (bytes.length === 0) break;
      yield text(`SELECT pg_catalog.lo_put(${oid}, ${offset}, '\\x${bytes.toString("hex")}');\n`);
      offset += bytes.length;
    }
  }
}

function text(sql: string): Uint8Array {
  return Buffer.from(sql);
}
