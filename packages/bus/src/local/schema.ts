import { Database } from "bun:sqlite";
import { messageOf, OpenWorkersError } from "@openworkers/core";

/** Counts up when what is below changes in a way that an older release would not understand. */
const layout = 1;

/** A message's key is its stream's number times this, plus its position: one tree holds all, each stream in order. */
export const streamKeys = 2 ** 42;

// A message's bytes come last: a row's other columns are read without them.
const tables = `
  create table streams (
    number integer primary key,
    name text not null unique,
    definition text not null,
    created_at integer not null,
    last_seq integer not null,
    messages integer not null,
    bytes integer not null
  );
  create table messages (
    key integer primary key,
    subject text not null,
    id text not null,
    time integer not null,
    payload blob not null
  );
  create index messages_by_subject on messages (subject, key);
  create table ids (
    stream integer not null,
    id text not null,
    seq integer not null,
    until integer not null,
    primary key (stream, id)
  ) without rowid;
  create index ids_by_end on ids (until);
  create table consumers (
    number integer primary key,
    stream integer not null,
    name text not null,
    subject text not null,
    cursor integer not null,
    unique (stream, name)
  );
  create table pending (
    consumer integer not null,
    seq integer not null,
    deliveries integer not null,
    delayed_until integer not null,
    primary key (consumer, seq)
  ) without rowid;
`;

/**
 * Opens the file, and makes it when it is not there.
 *
 * @throws OpenWorkersError DATA_DIR_NEWER, CONFIG_INVALID when it is no file of ours
 */
export function openDatabase(path: string): Database {
  const database = new Database(path, { create: true, strict: true, safeIntegers: false });
  try {
    // Before the first table, or it has no effect: space that messages leave goes back to the disk.
    database.run("pragma auto_vacuum = incremental");
    database.run("pragma journal_mode = wal");
    // A commit is written and not waited for; who needs it on the disk waits for that off this thread (`Journal`).
    database.run("pragma synchronous = normal");
    // Done by a thread of its own (`Checkpoints`): it waits for the disk.
    database.run("pragma wal_autocheckpoint = 0");
    database.run("pragma journal_size_limit = 67108864");
    database.run("pragma busy_timeout = 5000");
    database.run("pragma cache_size = -16384");
    const found =
      database.query<{ user_version: number }, []>("pragma user_version").get()?.user_version ?? 0;
    if (found > layout) throw newer(path, found);
    if (found === 0) {
      database.transaction(() => {
        database.run(tables);
        database.run(`pragma user_version = ${layout}`);
      })();
    }
    return database;
  } catch (cause) {
    database.close();
    if (cause instanceof OpenWorkersError) throw cause;
    throw new OpenWorkersError("CONFIG_INVALID", `Cannot open the bus at ${path}: ${messageOf(cause)}.`, {
      hint: "If it is damaged, restore it from a backup, or move it away: what waits in it, such as the queues' messages, is lost then.",
      cause,
    });
  }
}

function newer(path: string, found: number): OpenWorkersError {
  return new OpenWorkersError("DATA_DIR_NEWER", `${path} was written by a newer release (layout ${found}).`, {
    hint: "Install that release, or choose another directory with --data.",
  });
}
