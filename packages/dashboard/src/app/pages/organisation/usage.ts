import { ChangeDetectionStrategy, Component, computed, inject, resource } from "@angular/core";
import { RouterLink } from "@angular/router";
import type { components } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";
import { formatBytes } from "../../ui/bytes.ts";
import { Load } from "../../ui/load.ts";
import { TitledCard } from "../../ui/titled-card.ts";
import { formatCount, formatDuration, formatShare } from "./amounts.ts";
import { limitRows } from "./limit-rows.ts";
import { OrganisationPage } from "./organisation-page.ts";
import { UsageBar } from "./usage-bar.ts";

type Usage = components["schemas"]["Usage"];

/** As many as the API gives at once; the largest are worth a look. */
const databasesShown = 100;

@Component({
  selector: "ow-usage",
  imports: [Load, OrganisationPage, RouterLink, TitledCard, UsageBar],
  templateUrl: "./usage.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class UsagePage {
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  protected readonly formatBytes = formatBytes;
  protected readonly usage = resource({
    params: () => this.account.query(),
    loader: ({ params: query, abortSignal: signal }) =>
      this.client.data(this.client.api.GET("/v1/usage", { params: { query }, signal })),
  });
  protected readonly databases = resource({
    params: () => this.account.query(),
    loader: ({ params: query, abortSignal: signal }) =>
      this.client.data(
        this.client.api.GET("/v1/databases", {
          params: { query: { ...query, limit: databasesShown } },
          signal,
        }),
      ),
  });
  protected readonly limits = resource({
    loader: ({ abortSignal: signal }) => this.client.data(this.client.api.GET("/v1/limits", { signal })),
  });
  protected readonly limitGroups = computed(() =>
    this.limits.hasValue() ? limitRows(this.limits.value()) : [],
  );

  protected done({ requests, errors, cpuMs }: Usage) {
    return [
      { name: "Requests", value: formatCount(requests), more: "" },
      { name: "Errors", value: formatCount(errors), more: formatShare(errors, requests) },
      {
        name: "CPU time",
        value: formatDuration(cpuMs),
        more: requests === 0 ? "" : `${formatDuration(cpuMs / requests)} each`,
      },
    ];
  }

  protected has({ workers, crons, kvNamespaces, buckets, objects, databases, queues }: Usage) {
    return [
      { name: "Workers", count: workers, more: "", path: "/workers" },
      { name: "Crons", count: crons, more: "", path: "/crons" },
      { name: "Queues", count: queues, more: "", path: "/queues" },
      { name: "KV namespaces", count: kvNamespaces, more: "", path: "/kv" },
      {
        name: "Buckets",
        count: buckets,
        more: `${formatCount(objects.count)} objects, ${formatBytes(objects.bytes)}`,
        path: "/storage",
      },
      { name: "Databases", count: databases.count, more: formatBytes(databases.bytes), path: "/databases" },
    ].map((row) => ({ ...row, count: formatCount(row.count) }));
  }
}
