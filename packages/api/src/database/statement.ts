import type { Queries, Tables } from "@openworkers/db/access";
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
  sql,
} from "kysely";

/** A statement whose text is made once, when the module is loaded: to build and to compile it takes longer than to send it. */
export interface Statement<Names extends string, Row> {
  readonly text: string;
  /** The parameters, when those with names have these values. */
  valuesOf(values: Readonly<Record<Names, unknown>>): unknown[];
  /** What it gives, for the compiler alone. */
  readonly row?: Row;
}

/** Stands for a value that each request has another of. */
class Named {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

const compiler: Queries = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (database) => new PostgresIntrospector(database),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

/**
 * Makes a statement of a query.
 *
 * @example
 * const byName = statement<"name", Row>((queries, value) =>
 *   queries.selectFrom("workers").selectAll().where("name", "=", value("name")));
 * byName.valuesOf({ name: "shop" });
 */
export function statement<Names extends string, Row>(
  build: (queries: Queries, value: <T>(name: Names) => RawBuilder<T>) => { compile(): CompiledQuery<Row> },
): Statement<Names, Row> {
  const compiled = build(compiler, <T>(name: Names) => sql<T>`${new Named(name)}`).compile();
  return {
    text: compiled.sql,
    valuesOf: (values: Readonly<Record<string, unknown>>) =>
      compiled.parameters.map((given) => (given instanceof Named ? values[given.name] : given)),
  };
}
