import type { Bus, StreamState } from "@openworkers/bus";
import { logsConsumer, streams } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { batchPosition } from "./position.ts";
import { generationBefore, generationFor } from "./store/generations.ts";

interface Generation {
  readonly createdAt: number;
  readonly generation: number;
}

/** Which of the log streams there ever were is the bus's now, and how far it has come. */
export class StreamPlace {
  readonly #bus: Pick<Bus, "streamState" | "consumerState">;
  readonly #database: Database;
  readonly #listeners = new Set<() => void>();
  #current: Generation | undefined;

  constructor(bus: Pick<Bus, "streamState" | "consumerState">, database: Database) {
    this.#bus = bus;
    this.#database = database;
  }

  /** As the last look told; undefined before the first. */
  get generation(): number | undefined {
    return this.#current?.generation;
  }

  /**
   * Asks the bus, and PostgreSQL as well when the stream is another than before.
   *
   * @throws OpenWorkersError BUS_UNAVAILABLE, DATABASE_UNAVAILABLE
   */
  async look(): Promise<StreamState & Generation> {
    const state = await this.#bus.streamState(streams.logs.name);
    let current = this.#current;
    if (current?.createdAt !== state.createdAt) {
      current = {
        createdAt: state.createdAt,
        generation: await generationFor(this.#database, state.createdAt),
      };
      const known = this.#current !== undefined;
      this.#current = current;
      if (known) for (const listener of [...this.#listeners]) listener();
    }
    return { ...state, generation: current.generation };
  }

  /**
   * The generation of a message that the bus stored at `time`: a stream that was made later is not where it came from.
   *
   * @throws OpenWorkersError BUS_UNAVAILABLE, DATABASE_UNAVAILABLE
   */
  async generationAt(time: number, { createdAt, generation }: Generation): Promise<number> {
    if (time >= createdAt) return generation;
    return (await generationBefore(this.#database, time)) ?? generation;
  }

  /**
   * Position up to which every batch is in PostgreSQL.
   *
   * @throws OpenWorkersError BUS_UNAVAILABLE, DATABASE_UNAVAILABLE
   */
  async floor(): Promise<number> {
    const { generation } = await this.look();
    const consumer = await this.#bus.consumerState(streams.logs.name, logsConsumer);
    return batchPosition(generation, consumer?.floor ?? 0);
  }

  /** Calls `listener` when the stream was made anew: positions that readers go on from are of the one before. */
  onNewStream(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}
