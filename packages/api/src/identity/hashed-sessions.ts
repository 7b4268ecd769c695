import type { DBAdapter, DBTransactionAdapter, Where } from "better-auth/adapters";
import { tokenHashHex } from "./token.ts";

type Adapter = DBAdapter | DBTransactionAdapter;
type Row = Record<string, unknown>;

/**
 * An adapter that keeps of a session's token its SHA-256 only. better-auth writes and looks up tokens as clients
 * hold them; a row that was found by its token has that token again, any other has the hash, which lets nobody in.
 */
export function hashSessionTokens(adapter: DBAdapter): DBAdapter {
  return {
    ...hashed(adapter),
    transaction: (callback) => adapter.transaction((transaction) => callback(hashed(transaction))),
  };
}

function hashed<A extends Adapter>(adapter: A): A {
  return {
    ...adapter,
    async create(data: Parameters<A["create"]>[0]) {
      const token: unknown = (data.data as Row).token;
      if (data.model !== "session" || typeof token !== "string") return adapter.create(data);
      const row: Row = await adapter.create({
        ...data,
        data: { ...data.data, token: await tokenHashHex(token) },
      });
      return { ...row, token };
    },
    findOne: (query: Query) => one(query, (changed) => adapter.findOne<Row>(changed)),
    update: (query: Query & { update: Row }) =>
      one(query, async (changed) => adapter.update<Row>({ ...changed, update: await hashedData(query) })),
    consumeOne: (query: Query) => one(query, (changed) => adapter.consumeOne<Row>(changed)),
    incrementOne: (query: Query & { increment: Record<string, number> }) =>
      one(query, (changed) => adapter.incrementOne<Row>(changed)),
    async findMany(query: OptionalQuery) {
      const { changed, tokens } = await changedWhere(query);
      const rows = await adapter.findMany<Row>(changed);
      return rows.map((row) => restored(row, tokens));
    },
    count: async (query: OptionalQuery) => adapter.count((await changedWhere(query)).changed),
    updateMany: async (query: Query & { update: Row }) =>
      adapter.updateMany({ ...(await changedWhere(query)).changed, update: await hashedData(query) }),
    delete: async (query: Query) => adapter.delete((await changedWhere(query)).changed),
    deleteMany: async (query: Query) => adapter.deleteMany((await changedWhere(query)).changed),
  };
}

interface OptionalQuery {
  model: string;
  where?: Where[] | undefined;
}

interface Query extends OptionalQuery {
  where: Where[];
}

async function one<Q extends Query>(query: Q, run: (changed: Q) => Promise<Row | null>): Promise<Row | null> {
  const { changed, tokens } = await changedWhere(query);
  const row = await run(changed);
  return row === null ? null : restored(row, tokens);
}

/** The query with hashes for tokens, and which token each hash is of. */
async function changedWhere<Q extends OptionalQuery>(
  query: Q,
): Promise<{ changed: Q; tokens: ReadonlyMap<string, string> }> {
  const tokens = new Map<string, string>();
  if (query.model !== "session" || query.where === undefined) return { changed: query, tokens };
  const hash = async (token: unknown): Promise<string> => {
    const text = String(token);
    const hex = await tokenHashHex(text);
    tokens.set(hex, text);
    return hex;
  };
  const where = await Promise.all(
    query.where.map(async (condition) => {
      if (condition.field !== "token") return condition;
      const { value } = condition;
      return {
        ...condition,
        value: Array.isArray(value) ? await Promise.all(value.map(hash)) : await hash(value),
      };
    }),
  );
  return { changed: { ...query, where }, tokens };
}

async function hashedData({ model, update }: { model: string; update: Row }): Promise<Row> {
  if (model !== "session" || typeof update.token !== "string") return update;
  return { ...update, token: await tokenHashHex(update.token) };
}

function restored(row: Row, tokens: ReadonlyMap<string, string>): Row {
  const token = typeof row.token === "string" ? tokens.get(row.token) : undefined;
  return token === undefined ? row : { ...row, token };
}
