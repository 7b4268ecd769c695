import { ChangeDetectionStrategy, Component, inject } from "@angular/core";
import { Title } from "@angular/platform-browser";
import { Logs } from "./logs.ts";

/** What all workers of an account log, and what one request did in several of them. */
@Component({
  selector: "ow-all-logs",
  imports: [Logs],
  template: `
    <header class="px-4 pt-4 sm:px-6">
      <h1 class="text-xl font-semibold tracking-tight">Logs</h1>
    </header>
    <ow-logs class="flex min-h-0 grow flex-col" />
  `,
  host: { class: "flex h-[calc(100dvh-3rem)] flex-col lg:h-dvh" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class AllLogs {
  constructor() {
    inject(Title).setTitle("Logs · OpenWorkers");
  }
}
