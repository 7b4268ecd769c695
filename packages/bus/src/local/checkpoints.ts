import { z } from "zod";

const reply = z.union([z.object({ left: z.number() }), z.object({ error: z.string() })]);

/** Moves the write-ahead log into the database on a thread of its own. */
export class Checkpoints implements Disposable {
  readonly #path: string;
  readonly #worker: Worker;
  #answer: PromiseWithResolvers<number> | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#worker = new Worker(new URL("./checkpoint-worker.ts", import.meta.url), { ref: false });
    this.#worker.onmessage = ({ data }) => {
      const parsed = reply.parse(data);
      if ("left" in parsed) this.#answer?.resolve(parsed.left);
      else this.#answer?.reject(new Error(parsed.error));
    };
    this.#worker.onerror = (event) => this.#answer?.reject(new Error(event.message));
  }

  /** Resolves to how many pages are left because they were written meanwhile. One at a time. */
  async run(): Promise<number> {
    this.#answer = Promise.withResolvers<number>();
    this.#worker.postMessage({ path: this.#path });
    return await this.#answer.promise;
  }

  [Symbol.dispose](): void {
    this.#answer?.resolve(0);
    this.#worker.terminate();
  }
}
