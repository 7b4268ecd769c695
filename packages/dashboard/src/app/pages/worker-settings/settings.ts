import { ChangeDetectionStrategy, Component, inject } from "@angular/core";
import { RouterLink, RouterLinkActive, RouterOutlet } from "@angular/router";
import { CurrentWorker } from "../worker/current-worker.ts";

const sections = [
  { name: "Variables and secrets", path: "variables" },
  { name: "Bindings", path: "bindings" },
  { name: "Domains and routes", path: "domains" },
  { name: "Limits", path: "limits" },
  { name: "General", path: "general" },
] as const;

/** A worker's settings, one section at a time. */
@Component({
  selector: "ow-worker-settings",
  imports: [RouterLink, RouterLinkActive, RouterOutlet],
  template: `
    <div class="flex flex-col gap-x-8 gap-y-4 lg:flex-row">
      <nav aria-label="Settings" class="shrink-0 overflow-x-auto lg:w-48">
        <ul class="flex gap-1 lg:flex-col">
          @for (section of sections; track section.path) {
            <li>
              <a
                [routerLink]="['/workers', current.name(), 'settings', section.path]"
                routerLinkActive="bg-hover !text-text font-medium"
                ariaCurrentWhenActive="page"
                class="flex h-8 items-center rounded-md px-2.5 whitespace-nowrap text-muted hover:bg-hover hover:text-text focus-visible:-outline-offset-2"
                >{{ section.name }}</a
              >
            </li>
          }
        </ul>
      </nav>
      <div class="min-w-0 grow">
        @if (!current.mayWrite()) {
          <p class="mb-4 rounded-md bg-sunken px-3 py-2 text-muted" role="status">
            You may look at these settings, and not change them: that takes the role of a developer.
          </p>
        }
        <router-outlet />
      </div>
    </div>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Settings {
  protected readonly current = inject(CurrentWorker);
  protected readonly sections = sections;
}
