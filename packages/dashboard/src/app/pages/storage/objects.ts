import { Injectable, inject } from "@angular/core";
import { ApiError, itemsOf } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";

/** A bucket's objects, by the routes that move bytes. */
@Injectable({ providedIn: "root" })
export class Objects {
  private readonly client = inject(Api);
  private readonly account = inject(Account);

  /** Where an object's bytes are, on this page's own origin. */
  url(bucket: string, key: string): string {
    const query = new URLSearchParams(this.account.query()).toString();
    const path = `/v1/storage/${encodeURIComponent(bucket)}/objects/${encodeURIComponent(key)}`;
    return query === "" ? path : `${path}?${query}`;
  }

  async delete(bucket: string, key: string): Promise<void> {
    await this.client.fetch(this.url(bucket, key), { method: "DELETE" });
  }

  /** Its first bytes. */
  async head(
    bucket: string,
    key: string,
    bytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    try {
      const headers = { range: `bytes=0-${bytes - 1}` };
      const response = await this.client.fetch(this.url(bucket, key), { headers, signal });
      return new Uint8Array(await response.arrayBuffer());
    } catch (thrown) {
      // An empty one has no range.
      if (thrown instanceof ApiError && thrown.httpStatus === 416) return new Uint8Array();
      throw thrown;
    }
  }

  /** Every key under a prefix. */
  async *keys(bucket: string, prefix: string, signal: AbortSignal): AsyncGenerator<string, void> {
    const objects = itemsOf((page) =>
      this.client.data(
        this.client.api.GET("/v1/storage/{bucket}/objects", {
          params: { path: { bucket }, query: { ...this.account.query(), prefix, ...page } },
          signal,
        }),
      ),
    );
    for await (const { key } of objects) yield key;
  }

  /** A link that anybody may use for as long. */
  async link(bucket: string, key: string, expiresInSeconds: number): Promise<string> {
    const { url } = await this.client.data(
      this.client.api.POST("/v1/storage/{bucket}/signed", {
        params: { path: { bucket }, query: this.account.query() },
        body: { key, method: "GET", expiresInSeconds },
      }),
    );
    return url;
  }
}
