import { Injectable, signal } from "@angular/core";

const apple = /Mac|iP(hone|ad)/.test(navigator.userAgent);

@Injectable({ providedIn: "root" })
export class PaletteState {
  readonly open = signal(false);
  /** What opens it, as this keyboard has it. */
  readonly keys = apple ? "⌘K" : "Ctrl K";
}
