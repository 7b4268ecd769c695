import { ChangeDetectionStrategy, Component, computed, inject, signal } from "@angular/core";
import { NavigationEnd, Router, RouterLink, RouterLinkActive, RouterOutlet } from "@angular/router";
import {
  LucideDynamicIcon,
  LucideLogOut,
  LucideMenu,
  LucideMonitor,
  LucideMoon,
  LucideSearch,
  LucideSun,
} from "@lucide/angular";
import { Session } from "../session/session.ts";
import { Palette } from "./palette.ts";
import { PaletteState } from "./palette-state.ts";
import { places } from "./places.ts";
import { Theme } from "./theme.ts";

/** What is round every page once somebody is signed in. */
@Component({
  selector: "ow-shell",
  imports: [
    LucideDynamicIcon,
    LucideLogOut,
    LucideMenu,
    LucideMonitor,
    LucideMoon,
    LucideSearch,
    LucideSun,
    Palette,
    RouterLink,
    RouterLinkActive,
    RouterOutlet,
  ],
  templateUrl: "./shell.html",
  host: { class: "flex min-h-dvh flex-col lg:flex-row" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Shell {
  protected readonly session = inject(Session);
  protected readonly theme = inject(Theme);
  protected readonly palette = inject(PaletteState);
  protected readonly menuOpen = signal(false);
  protected readonly groups = computed(() => {
    const operator = this.session.person()?.isOperator === true;
    return places.map((group) => ({
      ...group,
      places: group.places.filter(({ system }) => system !== true || operator),
    }));
  });
  private readonly router = inject(Router);

  constructor() {
    this.router.events.subscribe((event) => {
      if (event instanceof NavigationEnd) this.menuOpen.set(false);
    });
  }

  protected async signOut(): Promise<void> {
    await this.session.signOut();
    await this.router.navigateByUrl("/sign-in");
  }
}
