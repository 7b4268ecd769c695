import { OpenWorkersError } from "@openworkers/core";
import type { Database } from "@openworkers/db";

/**
 * The generation of the stream that was made at `createdMs`: the same for every service, greater than those of the
 * streams that were known before.
 *
 * @throws OpenWorkersError DATABASE_UNAVAILABLE
 */
export async function generationFor(database: Database, createdMs: number): Promise<number> {
  return database.write(async (transaction) => {
    const find = () =>
      transaction
        .selectFrom("log_streams")
        .select("generation")
        .where("created_ms", "=", createdMs)
        .executeTakeFirst();
    const known = await find();
    if (known !== undefined) return known.generation;
    await transaction
      .insertInto("log_streams")
      .values({ created_ms: createdMs })
      .onConflict((conflict) => conflict.column("created_ms").doNothing())
      .execute();
    const made = await find();
    if (made === undefined) throw new OpenWorkersError("INTERNAL", "The stream's generation was not stored.");
    return made.generation;
  });
}

/** The generation of the newest stream that was there at `time`, in Unix milliseconds. */
export async function generationBefore(database: Database, time: number): Promise<number | undefined> {
  const row = await database.read((queries) =>
    queries
      .selectFrom("log_streams")
      .select("generation")
      .where("created_ms", "<=", time)
      .orderBy("created_ms", "desc")
      .limit(1)
      .executeTakeFirst(),
  );
  return row?.generation;
}
