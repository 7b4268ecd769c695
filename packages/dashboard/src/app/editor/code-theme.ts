import { computed, Injectable, Injector, inject, signal } from "@angular/core";
import { Theme } from "../shell/theme.ts";

/** Whether code is shown on dark ground: Monaco does not follow `color-scheme`. */
@Injectable({ providedIn: "root" })
export class CodeTheme {
  readonly injector = inject(Injector);
  private readonly theme = inject(Theme);
  private readonly system = matchMedia("(prefers-color-scheme: dark)");
  private readonly systemIsDark = signal(this.system.matches);
  readonly isDark = computed(() => {
    const choice = this.theme.choice();
    return choice === "system" ? this.systemIsDark() : choice === "dark";
  });

  constructor() {
    this.system.addEventListener("change", ({ matches }) => this.systemIsDark.set(matches));
  }
}
