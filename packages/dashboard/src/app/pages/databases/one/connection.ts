import { computed, Injectable, inject, resource } from "@angular/core";
import { Api } from "../../../api/api.ts";
import { OneDatabase } from "./one-database.ts";

/** Where a database is reached by clients that have a token of it. */
@Injectable()
export class Connection {
  private readonly client = inject(Api);
  private readonly of = inject(OneDatabase);
  readonly answer = resource({
    params: () => (this.of.name() === "" ? undefined : this.of.at),
    loader: ({ params, abortSignal: signal }) =>
      this.client.data(this.client.api.GET("/v1/databases/{database}/connection", { params, signal })),
  });
  readonly faces = computed(() =>
    this.answer.hasValue() ? (this.answer.value().faces ?? undefined) : undefined,
  );

  /** `postgres://shop:TOKEN@127.0.0.1:6432/shop`; undefined where it is not known. */
  url(token: string): string | undefined {
    const faces = this.faces();
    if (faces === undefined) return undefined;
    const { host, port } = faces;
    const name = encodeURIComponent(this.of.known()?.name ?? this.of.name());
    const place = host.includes(":") ? `[${host}]` : host;
    // From other machines a token in the clear is refused.
    const secure = isLoopback(host) ? "" : "?sslmode=require";
    return `postgres://${name}:${token}@${place}:${port}/${name}${secure}`;
  }
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
