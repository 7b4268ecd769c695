import { ChangeDetectionStrategy, Component, effect, inject, resource } from "@angular/core";
import { allOf } from "@openworkers/client";
import { Api } from "../../../api/api.ts";
import { Account } from "../../../session/account.ts";
import { Copy } from "../../../ui/copy.ts";
import { Load } from "../../../ui/load.ts";
import { Time } from "../../../ui/time.ts";
import { formatBytes } from "../format.ts";
import { Deletions, dumpFile } from "./deletions.ts";

/** What is kept of deleted databases; nothing at all where nothing is kept. */
@Component({
  selector: "ow-kept-dumps",
  imports: [Copy, Load, Time],
  template: `
    @if (dumps.error()) {
      <div class="card mt-8"><ow-load [of]="dumps" /></div>
    } @else if (dumps.hasValue() && dumps.value().length > 0) {
      <section class="mt-8" aria-labelledby="dumps">
        <h2 id="dumps" class="font-semibold">Deleted, and kept for a while</h2>
        <p class="mb-3 text-muted">
          Files of <span class="code">database-dumps</span> in the platform's data directory. To bring one back: create the database, then
          <span class="code">ow databases restore</span>.
        </p>
        <div class="card overflow-x-auto">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Dump</th>
                <th scope="col" class="numeric">Size</th>
                <th scope="col">Written</th>
                <th scope="col">Kept until</th>
              </tr>
            </thead>
            <tbody>
              @for (dump of dumps.value(); track dump.id) {
                <tr>
                  <td class="font-medium">{{ dump.name }}</td>
                  <td class="whitespace-nowrap">
                    <span class="code">{{ file(dump.name, dump.id) }}</span>
                    <ow-copy [text]="file(dump.name, dump.id)" [label]="'Copy the name of the dump of ' + dump.name" />
                  </td>
                  <td class="numeric whitespace-nowrap">{{ bytes(dump.sizeBytes) }}</td>
                  <td class="whitespace-nowrap text-muted"><ow-time [value]="dump.createdAt" /></td>
                  <td class="whitespace-nowrap"><ow-time [value]="dump.expiresAt" /></td>
                </tr>
              }
            </tbody>
          </table>
        </div>
      </section>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class KeptDumps {
  protected readonly bytes = formatBytes;
  protected readonly file = dumpFile;
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  protected readonly dumps = resource({
    params: () => this.account.query(),
    loader: ({ params, abortSignal: signal }) =>
      allOf((page) =>
        this.client.data(
          this.client.api.GET("/v1/database-dumps", { params: { query: { ...params, ...page } }, signal }),
        ),
      ),
  });

  constructor() {
    const deletions = inject(Deletions);
    let seen = deletions.done();
    effect(() => {
      if (deletions.done() === seen) return;
      seen = deletions.done();
      this.dumps.reload();
    });
  }
}
