import { OpenWorkersError } from "@openworkers/core";

/**
 * A call under way, and how it is cancelled. Most calls end without anybody having listened for it; an `AbortSignal`, which costs
 * more than the rest of a short call's bookkeeping, is made for those who ask.
 */
export class Call {
  readonly #caller: AbortSignal;
  #listening = false;
  readonly #leave = () =>
    this.cancel(new OpenWorkersError("QUERY_FAILED", "The caller left; the call was cancelled."));
  #reason: OpenWorkersError | undefined;
  #controller: AbortController | undefined;
  /** Called when it is cancelled, if it has not been before. */
  onCancel: ((reason: OpenWorkersError) => void) | undefined;

  /** @param caller aborts when whoever called has left */
  constructor(caller: AbortSignal) {
    this.#caller = caller;
    if (caller.aborted) this.#leave();
  }

  /** From now on the call is cancelled when its caller leaves. */
  attend(): void {
    if (this.#listening) return;
    this.#listening = true;
    if (this.#caller.aborted) this.#leave();
    this.#caller.addEventListener("abort", this.#leave);
  }

  /** It has ended: nobody need hear of its caller any more. */
  [Symbol.dispose](): void {
    if (this.#listening) this.#caller.removeEventListener("abort", this.#leave);
  }

  cancel(reason: OpenWorkersError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.onCancel?.(reason);
  }

  get cancelled(): boolean {
    return this.#reason !== undefined;
  }

  /** @throws what it was cancelled with */
  throwIfCancelled(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  /** Aborts with what the call is cancelled with. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }
}
