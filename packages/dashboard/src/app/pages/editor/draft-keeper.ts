import { DestroyRef, effect, Injectable, inject, untracked } from "@angular/core";
import { messageOf } from "../../api/failure.ts";
import { Toasts } from "../../ui/toasts.ts";
import { type Draft, Drafts } from "./drafts.ts";
import { Workspace } from "./workspace.ts";

/** After the last key. */
const pauseMs = 300;

/** Keeps what is edited and not deployed in this browser, and has it say so to whoever closes the page. */
@Injectable()
export class DraftKeeper {
  private readonly workspace = inject(Workspace);
  private readonly toasts = inject(Toasts);
  readonly #drafts = new Drafts();
  #workerId: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #told = false;
  /** There is something of this page's in the browser: a page that only looks removes nothing. */
  #kept = false;

  constructor() {
    effect(() => {
      this.workspace.modules();
      this.workspace.base();
      this.workspace.dirty();
      untracked(() => this.#later());
    });
    const warn = (event: BeforeUnloadEvent) => {
      this.#now();
      if (this.workspace.dirty()) event.preventDefault();
    };
    addEventListener("beforeunload", warn);
    inject(DestroyRef).onDestroy(() => {
      removeEventListener("beforeunload", warn);
      this.#now();
    });
  }

  /** What this browser has of a worker's, if anything. */
  async read(workerId: string): Promise<Draft | undefined> {
    return await this.#drafts.read(workerId).catch((thrown: unknown) => this.#fails(thrown));
  }

  /** From now on what is edited is this worker's; `kept` when it comes from a draft. */
  keep(workerId: string, kept: boolean): void {
    this.#workerId = workerId;
    this.#kept = kept;
  }

  async forget(): Promise<void> {
    clearTimeout(this.#timer);
    const id = this.#workerId;
    // What is on the page until it has been read anew is not to be kept.
    this.#workerId = undefined;
    if (id !== undefined) await this.#drafts.remove(id).catch((thrown: unknown) => this.#fails(thrown));
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#now(), pauseMs);
  }

  #now(): void {
    clearTimeout(this.#timer);
    const id = this.#workerId;
    if (id === undefined) return;
    const dirty = this.workspace.dirty();
    if (!dirty && !this.#kept) return;
    this.#kept = dirty;
    const draft = { base: this.workspace.base(), modules: this.workspace.modules(), changedAt: Date.now() };
    const done = dirty ? this.#drafts.write(id, draft) : this.#drafts.remove(id);
    void done.catch((thrown: unknown) => this.#fails(thrown));
  }

  #fails(thrown: unknown): undefined {
    if (!this.#told) this.toasts.failed(`This browser keeps no drafts: ${messageOf(thrown)}`);
    this.#told = true;
  }
}
