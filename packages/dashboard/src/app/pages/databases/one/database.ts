import { ChangeDetectionStrategy, Component, effect, inject, input } from "@angular/core";
import { RouterLink, RouterLinkActive, RouterOutlet } from "@angular/router";
import { Load } from "../../../ui/load.ts";
import { Page } from "../../../ui/page.ts";
import { formatBytes } from "../format.ts";
import { OneDatabase } from "./one-database.ts";

/** What is round the tabs of one database. */
@Component({
  selector: "ow-database",
  imports: [Load, Page, RouterLink, RouterLinkActive, RouterOutlet],
  providers: [OneDatabase],
  template: `
    <ow-page [heading]="of.known()?.name ?? database()">
      <div actions class="flex h-8 items-center gap-2 text-muted">
        @if (of.known(); as known) {
          @if (known.full) {
            <span class="badge badge-bad">Full: reads and deletes only</span>
          }
          @if (known.kind === "external") {
            <span class="badge">On your own server</span>
          } @else if (known.sizeBytes !== null) {
            <span class="tabular-nums">{{ bytes(known.sizeBytes) }} of {{ bytes(known.limits.sizeBytes) }}</span>
          }
        }
      </div>
      <nav aria-label="Database" class="mb-4 flex overflow-x-auto border-b sm:gap-1 border-line">
        @for (tab of tabs; track tab.path) {
          <a
            [routerLink]="tab.path"
            routerLinkActive="!border-accent !text-text"
            ariaCurrentWhenActive="page"
            class="-mb-px border-b-2 border-transparent px-2.5 py-2 font-medium sm:px-3 text-muted outline-offset-[-2px] hover:text-text"
          >
            {{ tab.name }}
          </a>
        }
      </nav>
      @if (of.details.error()) {
        <div class="card"><ow-load [of]="of.details" /></div>
      } @else {
        <router-outlet />
      }
    </ow-page>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class DatabasePage {
  readonly database = input.required<string>();
  protected readonly of = inject(OneDatabase);
  protected readonly bytes = formatBytes;
  protected readonly tabs = [
    { name: "Tables", path: "tables" },
    { name: "Console", path: "console" },
    { name: "Tokens", path: "tokens" },
    { name: "Connect", path: "connect" },
    { name: "Settings", path: "settings" },
  ];

  constructor() {
    effect(() => this.of.name.set(this.database()));
  }
}
