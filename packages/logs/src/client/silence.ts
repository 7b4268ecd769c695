/** The service says that it is there every five seconds. */
const silentMs = 30_000;

/** Whether a stream has said nothing for so long that its connection leads nowhere: `signal` aborts then. */
export class Silence implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer = setInterval(() => {
    if (performance.now() - this.#heard > silentMs) this.#controller.abort(new Error("it says nothing"));
  }, silentMs / 10);
  #heard = performance.now();

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something was said. */
  broken(): void {
    this.#heard = performance.now();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
