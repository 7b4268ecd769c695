import { Database } from "bun:sqlite";

// Moves what was committed from the log into the database, which waits for the disk: a thread may, ours must not.
declare const self: Worker;

let database: Database | undefined;

self.onmessage = ({ data }: MessageEvent<{ readonly path: string }>) => {
  try {
    if (database === undefined) {
      database = new Database(data.path, { readwrite: true, create: false });
      database.run("pragma synchronous = normal");
    }
    const done = database
      .query<{ log: number; checkpointed: number }, []>("pragma wal_checkpoint(passive)")
      .get();
    self.postMessage({ left: done === null ? 0 : done.log - done.checkpointed });
  } catch (thrown) {
    self.postMessage({ error: String(thrown) });
  }
};
