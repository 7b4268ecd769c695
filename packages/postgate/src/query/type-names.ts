import { arrayOf, builtinType, type ColumnType, textType, wellKnownTypes } from "./column-types.ts";

/** One row of `typeLookup`, as text. */
export type TypeRow = readonly (string | null)[];

/**
 * What a database knows of the types numbered in `$1`, and of what they are made of: number, name, whether it is
 * PostgreSQL's own, an array's element, the array's delimiter, a domain's base. All names are qualified: whose
 * search_path it runs under does not matter.
 */
export const typeLookup = `
with recursive wanted (oid) as (
  select pg_catalog.unnest($1::pg_catalog.oid[])
  union
  select case when t.typtype = 'd' then t.typbasetype else t.typelem end
  from wanted w join pg_catalog.pg_type t on t.oid operator(pg_catalog.=) w.oid
  where t.typtype operator(pg_catalog.=) 'd' or t.typelem operator(pg_catalog.<>) 0::pg_catalog.oid
)
select t.oid, t.typname, t.oid operator(pg_catalog.<) 10000::pg_catalog.oid, e.oid, e.typdelim,
  case when t.typtype operator(pg_catalog.=) 'd' then t.typbasetype end
from wanted w
join pg_catalog.pg_type t on t.oid operator(pg_catalog.=) w.oid
left join pg_catalog.pg_type e
  on e.oid operator(pg_catalog.=) t.typelem and e.typarray operator(pg_catalog.=) t.oid`;

// A type may be renamed; a statement that is told its old name for a minute does not go wrong.
const keptMs = 60_000;

/** The types of one database that are not PostgreSQL's common ones, asked for when first met. */
export class TypeNames {
  readonly #types = new Map<number, ColumnType>();
  #since = performance.now();

  get(oid: number): ColumnType | undefined {
    if (performance.now() - this.#since > keptMs) {
      this.#types.clear();
      this.#since = performance.now();
    }
    return wellKnownTypes.get(oid) ?? this.#types.get(oid);
  }

  /** Takes in what `typeLookup` answered for `oids`. One that it did not find was dropped meanwhile. */
  learn(oids: readonly number[], rows: readonly TypeRow[]): void {
    const byOid = new Map(rows.map((row) => [Number(row[0]), row]));
    for (const oid of oids) this.#types.set(oid, this.#resolve(oid, byOid));
  }

  #resolve(oid: number, rows: ReadonlyMap<number, TypeRow>): ColumnType {
    const known = wellKnownTypes.get(oid);
    if (known !== undefined) return known;
    const [, name, own, element, delimiter, base] = rows.get(oid) ?? [];
    if (name == null) return textType("unknown");
    if (element != null) return arrayOf(this.#resolve(Number(element), rows), delimiter ?? ",");
    // A domain alone never gets here: PostgreSQL describes a column as the domain's base. Its arrays do.
    if (base != null) return { ...this.#resolve(Number(base), rows), name };
    return own === "t" ? builtinType(name) : textType(name);
  }
}
