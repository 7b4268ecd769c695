import { Injectable, signal } from "@angular/core";

const key = "ow-single-keys";

/**
 * Whether a key by itself does something anywhere on a page: `g` and a letter, `/` in logs. Who speaks to their computer, or
 * hits keys without wanting to, can turn that off (WCAG 2.1.4).
 */
@Injectable({ providedIn: "root" })
export class SingleKeys {
  readonly #on = signal(localStorage.getItem(key) !== "off");
  readonly on = this.#on.asReadonly();

  /** Kept between visits, in this browser. */
  turn(on: boolean): void {
    if (on) localStorage.removeItem(key);
    else localStorage.setItem(key, "off");
    this.#on.set(on);
  }
}
