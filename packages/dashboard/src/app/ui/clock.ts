import { Injectable, signal } from "@angular/core";

const tickMs = 15_000;

/** The time, for what says how long ago something was. Stands still while the page is hidden. */
@Injectable({ providedIn: "root" })
export class Clock {
  readonly now = signal(Date.now());

  constructor() {
    setInterval(() => {
      if (!document.hidden) this.now.set(Date.now());
    }, tickMs);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.now.set(Date.now());
    });
  }
}
