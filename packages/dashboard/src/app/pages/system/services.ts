import { ChangeDetectionStrategy, Component, computed, inject, resource } from "@angular/core";
import { Api } from "../../api/api.ts";
import { everySeconds } from "../../ui/every-seconds.ts";
import { Load } from "../../ui/load.ts";
import { formatFigure } from "./figures.ts";

const titles: Readonly<Record<string, string>> = {
  api: "API",
  bus: "Bus",
  logs: "Logs",
  postgate: "Postgate",
  postgres: "PostgreSQL",
  scheduler: "Scheduler",
};
const badges = {
  up: ["Up", "badge-good"],
  late: ["Late", "badge-warn"],
  down: ["Down", "badge-bad"],
  unknown: ["Not known", ""],
} as const;

/** The platform's services: how they are, and what waits for them. */
@Component({
  selector: "ow-services",
  imports: [Load],
  template: `
    @if (found.hasValue()) {
      <div class="grid gap-4 lg:grid-cols-2">
        @for (service of services(); track service.name) {
          <section class="card p-4" [attr.aria-label]="service.title">
            <div class="flex items-center justify-between gap-3">
              <h2 class="font-semibold">{{ service.title }}</h2>
              <span class="badge" [class]="service.badge[1]">{{ service.badge[0] }}</span>
            </div>
            <p class="text-muted">{{ service.detail }}</p>
            @if (service.figures.length > 0) {
              <dl class="mt-3 grid grid-cols-[1fr_auto] gap-x-6 gap-y-1">
                @for (figure of service.figures; track figure[0]) {
                  <dt class="text-muted first-letter:uppercase">{{ figure[0] }}</dt>
                  <dd class="text-right tabular-nums">{{ figure[1] }}</dd>
                }
              </dl>
            }
          </section>
        }
      </div>
    } @else {
      <div class="card"><ow-load [of]="found" [rows]="8" /></div>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Services {
  private readonly client = inject(Api);
  protected readonly found = resource({
    loader: ({ abortSignal: signal }) =>
      this.client.data(this.client.api.GET("/v1/system/services", { signal })),
  });
  protected readonly services = computed(() =>
    (this.found.hasValue() ? this.found.value().items : []).map(({ name, state, detail, figures }) => ({
      name,
      detail,
      title: titles[name] ?? name,
      badge: badges[state],
      // One thing may be told in several units, as a count and its bytes.
      figures: [...Map.groupBy(figures, (figure) => figure.name)].map(
        ([what, told]) => [what, told.map(formatFigure).join(" · ")] as const,
      ),
    })),
  );

  constructor() {
    everySeconds(4, () => this.found.reload());
  }
}
