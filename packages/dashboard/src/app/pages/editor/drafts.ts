import type { SourceModule } from "../../editor/modules.ts";

/** What somebody has written and not deployed. */
export interface Draft {
  /** Number of the version that it was made from; undefined for a worker without one. */
  readonly base: number | undefined;
  readonly modules: readonly SourceModule[];
  /** Unix milliseconds. */
  readonly changedAt: number;
}

const store = "drafts";

/** Drafts of this browser, by the ids of their workers. */
export class Drafts {
  #opened: Promise<IDBDatabase> | undefined;

  async read(workerId: string): Promise<Draft | undefined> {
    return (await this.#run("readonly", (drafts) => drafts.get(workerId))) as Draft | undefined;
  }

  async write(workerId: string, draft: Draft): Promise<void> {
    await this.#run("readwrite", (drafts) => drafts.put(draft, workerId));
  }

  async remove(workerId: string): Promise<void> {
    await this.#run("readwrite", (drafts) => drafts.delete(workerId));
  }

  async #run(mode: IDBTransactionMode, ask: (drafts: IDBObjectStore) => IDBRequest): Promise<unknown> {
    this.#opened ??= open();
    const database = await this.#opened;
    const transaction = database.transaction(store, mode);
    const request = ask(transaction.objectStore(store));
    // At once: by itself it waits for the page, which may be closing, and then nothing of it is kept.
    transaction.commit();
    return answerOf(request);
  }
}

async function open(): Promise<IDBDatabase> {
  const request = indexedDB.open("ow-editor", 1);
  request.onupgradeneeded = () => request.result.createObjectStore(store);
  return answerOf(request);
}

function answerOf<Result>(request: IDBRequest<Result>): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
  return promise;
}
