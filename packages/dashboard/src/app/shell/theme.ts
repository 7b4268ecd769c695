import { effect, Injectable, signal } from "@angular/core";

export type ThemeChoice = "system" | "light" | "dark";

/** Light or dark, as the reader chose or as their system says. `public/theme.js` sets it before the first paint. */
@Injectable({ providedIn: "root" })
export class Theme {
  readonly choice = signal<ThemeChoice>(stored());

  constructor() {
    effect(() => {
      const choice = this.choice();
      if (choice === "system") {
        delete document.documentElement.dataset["theme"];
        localStorage.removeItem("theme");
      } else {
        document.documentElement.dataset["theme"] = choice;
        localStorage.setItem("theme", choice);
      }
    });
  }

  /** To the next of the three. */
  next(): void {
    const order: readonly ThemeChoice[] = ["system", "light", "dark"];
    this.choice.update((choice) => order[(order.indexOf(choice) + 1) % order.length] ?? "system");
  }
}

function stored(): ThemeChoice {
  const text = localStorage.getItem("theme");
  return text === "light" || text === "dark" ? text : "system";
}
