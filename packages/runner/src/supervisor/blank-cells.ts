/** A started, sandboxed process that has not been given its worker yet. */
export interface Blank extends AsyncDisposable {
  /** Settles when the process ends before it was given a worker. */
  readonly exited: Promise<unknown>;
}

/** Keeps a few blank cells ready, so that a cold start pays for the worker only. */
export class BlankCells<B extends Blank> {
  readonly #launch: () => Promise<B>;
  readonly #size: number;
  readonly #onError: (error: unknown) => void;
  readonly #ready = new Set<B>();
  #launching = 0;
  #stopped = false;
  #pending: Promise<unknown> = Promise.resolve();

  constructor(options: { launch: () => Promise<B>; size: number; onError: (error: unknown) => void }) {
    this.#launch = options.launch;
    this.#size = options.size;
    this.#onError = options.onError;
  }

  get size(): number {
    return this.#ready.size;
  }

  /** A blank cell; the caller owns it. */
  async take(): Promise<B> {
    for (const blank of this.#ready) {
      this.#ready.delete(blank);
      // After this start, not beside it: two processes starting at once would both be late.
      setTimeout(() => this.fill(), 50);
      return blank;
    }
    const blank = await this.#launch();
    setTimeout(() => this.fill(), 50);
    return blank;
  }

  /** Starts what is missing, one after the other. */
  fill(): void {
    if (this.#stopped || this.#ready.size + this.#launching >= this.#size) return;
    this.#launching += 1;
    this.#pending = this.#launch()
      .then((blank) => this.#add(blank))
      .then(
        () => {
          this.#launching -= 1;
          this.fill();
        },
        (error) => {
          // The next taker tries again; trying at once what has just failed would only burn the machine.
          this.#launching -= 1;
          this.#onError(error);
        },
      );
  }

  async #add(blank: B): Promise<void> {
    if (this.#stopped) {
      await blank[Symbol.asyncDispose]();
      return;
    }
    this.#ready.add(blank);
    blank.exited.then(async () => {
      // Whoever took it has it; one that ended while it waited is still ours, and holds sockets.
      if (this.#ready.delete(blank)) await blank[Symbol.asyncDispose]();
    }, this.#onError);
  }

  /** Ends the blanks; none is started any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#pending;
    await Promise.all([...this.#ready].map((blank) => blank[Symbol.asyncDispose]()));
    this.#ready.clear();
  }
}
