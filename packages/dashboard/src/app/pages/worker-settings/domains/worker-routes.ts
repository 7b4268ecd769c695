import { ChangeDetectionStrategy, Component, inject, resource, signal } from "@angular/core";
import { LucidePlus, LucideTrash2 } from "@lucide/angular";
import { Api } from "../../../api/api.ts";
import { Confirm } from "../../../ui/confirm.ts";
import { Load } from "../../../ui/load.ts";
import { Toasts } from "../../../ui/toasts.ts";
import { CurrentWorker } from "../../worker/current-worker.ts";
import { Section } from "../section.ts";
import { changeFailure, ifMatch, isChanged, tagged } from "../tagged.ts";

/** Patterns of host and path that lead to the worker. */
@Component({
  selector: "ow-worker-routes",
  imports: [Load, LucidePlus, LucideTrash2, Section],
  template: `
    <ow-settings-section
      heading="Routes"
      lead="Patterns of host and path that lead here before the host's own worker: example.com/api/*. They need the host as a verified domain of the account. A deploy whose manifest has routes sets these anew."
    >
      <div class="card">
        @if (!routes.hasValue()) {
          <ow-load [of]="routes" [rows]="1" />
        } @else {
          <ul class="divide-y divide-line">
            @for (pattern of routes.value().value.patterns; track pattern) {
              <li class="flex h-10 items-center justify-between gap-3 px-4">
                <span class="min-w-0 truncate font-mono text-[13px]">{{ pattern }}</span>
                <button type="button" class="button button-quiet button-icon button-small" title="Remove" [attr.aria-label]="'Remove ' + pattern" [disabled]="!current.mayWrite()" (click)="remove(pattern)">
                  <svg lucideTrash2 size="14"></svg>
                </button>
              </li>
            } @empty {
              <li class="px-4 py-3 text-muted">No routes.</li>
            }
          </ul>
          <form class="flex gap-2 border-t border-line p-3" (submit)="$event.preventDefault(); add()">
            <input class="input font-mono text-[13px]!" aria-label="New route" placeholder="example.com/api/*" autocomplete="off" spellcheck="false" [disabled]="!current.mayWrite()" [value]="pattern()" (input)="pattern.set($any($event.target).value)" />
            <button class="button" [disabled]="!current.mayWrite() || pattern().trim() === '' || busy()"><svg lucidePlus size="14"></svg> Add</button>
          </form>
        }
      </div>
      @if (failure(); as text) {
        <p class="hint text-bad" role="alert">{{ text }}</p>
      }
    </ow-settings-section>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class WorkerRoutes {
  protected readonly current = inject(CurrentWorker);
  private readonly client = inject(Api);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  protected readonly pattern = signal("");
  protected readonly busy = signal(false);
  protected readonly failure = signal<string | undefined>(undefined);

  protected readonly routes = resource({
    params: () => this.current.name() || undefined,
    loader: ({ params: worker, abortSignal: signal }) =>
      tagged(this.client.api.GET("/v1/workers/{worker}/routes", { params: { path: { worker } }, signal })),
  });

  protected async add(): Promise<void> {
    const pattern = this.pattern().trim();
    if (!this.routes.hasValue()) return;
    if (!(await this.#put([...this.routes.value().value.patterns, pattern]))) return;
    this.pattern.set("");
    this.toasts.done(`${pattern} leads here.`);
  }

  protected async remove(pattern: string): Promise<void> {
    const agreed = await this.confirm.ask({
      title: `Remove the route ${pattern}?`,
      text: "Requests that it matches go to whatever else the host leads to, or to nothing.",
      action: "Remove",
    });
    if (!agreed || !this.routes.hasValue()) return;
    if (await this.#put(this.routes.value().value.patterns.filter((each) => each !== pattern)))
      this.toasts.done(`${pattern} is removed.`);
  }

  async #put(patterns: string[]): Promise<boolean> {
    if (!this.routes.hasValue() || this.busy()) return false;
    this.busy.set(true);
    this.failure.set(undefined);
    try {
      const changed = await tagged(
        this.client.api.PUT("/v1/workers/{worker}/routes", {
          params: { path: { worker: this.current.name() } },
          headers: ifMatch(this.routes.value()),
          body: { patterns },
        }),
      );
      this.routes.set(changed);
      return true;
    } catch (thrown) {
      if (isChanged(thrown)) this.routes.reload();
      this.failure.set(changeFailure(thrown));
      return false;
    } finally {
      this.busy.set(false);
    }
  }
}
