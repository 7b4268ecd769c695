import { ChangeDetectionStrategy, Component, computed, inject, resource } from "@angular/core";
import { Api } from "../../api/api.ts";
import { Load } from "../../ui/load.ts";
import { Time } from "../../ui/time.ts";

/** Which versions run, and how far the database is. */
@Component({
  selector: "ow-versions",
  imports: [Load, Time],
  template: `
    @if (found.hasValue()) {
      @let versions = found.value();
      <dl class="card mb-6 grid grid-cols-2 gap-4 p-4 sm:grid-cols-4">
        @for (fact of facts(); track fact[0]) {
          <div>
            <dt class="text-[13px] text-muted">{{ fact[0] }}</dt>
            <dd class="font-medium tabular-nums">{{ fact[1] }}</dd>
          </div>
        }
      </dl>
      <h2 class="mb-2 font-semibold">Migrations</h2>
      @if (versions.problem; as text) {
        <p class="mb-3 text-bad" role="alert">{{ text }}</p>
      } @else if (versions.pending.length > 0) {
        <p class="mb-3 text-bad" role="alert">The database lacks {{ versions.pending.join(", ") }}. Apply them: ow migrate</p>
      } @else {
        <p class="mb-3 text-muted">The database is where this release wants it.</p>
      }
      <div class="card overflow-x-auto">
        <table class="table">
          <thead>
            <tr><th scope="col">Migration</th><th scope="col" class="numeric">Applied</th></tr>
          </thead>
          <tbody>
            @for (migration of newestFirst(); track migration.name) {
              <tr>
                <td class="font-mono text-[13px]">{{ migration.name }}</td>
                <td class="numeric text-muted"><ow-time [value]="migration.appliedAt" /></td>
              </tr>
            }
          </tbody>
        </table>
      </div>
    } @else {
      <div class="card"><ow-load [of]="found" [rows]="8" /></div>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Versions {
  private readonly client = inject(Api);
  protected readonly found = resource({
    loader: ({ abortSignal: signal }) =>
      this.client.data(this.client.api.GET("/v1/system/versions", { signal })),
  });
  protected readonly facts = computed(() => {
    if (!this.found.hasValue()) return [];
    const { platform, workerd, bun, postgres } = this.found.value();
    return [
      ["OpenWorkers", platform],
      ["workerd", workerd],
      ["Bun", bun],
      ["PostgreSQL", postgres],
    ];
  });
  protected readonly newestFirst = computed(() =>
    this.found.hasValue() ? this.found.value().migrations.toReversed() : [],
  );
}
