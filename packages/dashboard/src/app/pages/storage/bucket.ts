import {
  ChangeDetectionStrategy,
  Component,
  computed,
  effect,
  inject,
  input,
  linkedSignal,
  signal,
  untracked,
} from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { LucideArrowLeft, LucideFile, LucideFolder } from "@lucide/angular";
import type { components } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { messageOf } from "../../api/failure.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { formatBytes } from "../../ui/bytes.ts";
import { Confirm } from "../../ui/confirm.ts";
import { Empty } from "../../ui/empty.ts";
import { NameDialog } from "../../ui/name-dialog.ts";
import { Page } from "../../ui/page.ts";
import { Paged } from "../../ui/paged.ts";
import { PagedFoot } from "../../ui/paged-foot.ts";
import { Time } from "../../ui/time.ts";
import { Toasts } from "../../ui/toasts.ts";
import { ObjectView } from "./object-view.ts";
import { Objects } from "./objects.ts";
import { UploadList } from "./upload-list.ts";
import { droppedFiles, Uploads } from "./uploads.ts";

type StoredObject = components["schemas"]["StoredObject"];

/** A folder, or an object, of the folder that is shown. */
interface Row {
  /** The whole key, or the prefix of a folder with its slash. */
  readonly key: string;
  readonly name: string;
  readonly object?: StoredObject;
}

/** Deleted at a time. */
const atOnce = 6;

/** One bucket, folder by folder. */
@Component({
  selector: "ow-bucket",
  imports: [
    Empty,
    LucideArrowLeft,
    LucideFile,
    LucideFolder,
    NameDialog,
    ObjectView,
    Page,
    PagedFoot,
    RouterLink,
    Time,
    UploadList,
  ],
  templateUrl: "./bucket.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Bucket {
  readonly bucket = input.required<string>();
  /** The folder that is shown, with its slash; part of the address. */
  readonly folder = input<string>();
  /** The key of the object that is open; part of the address. */
  readonly key = input<string>();
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  protected readonly accounts = inject(Accounts);
  private readonly confirm = inject(Confirm);
  private readonly objects = inject(Objects);
  private readonly router = inject(Router);
  private readonly toasts = inject(Toasts);
  private readonly uploads = inject(Uploads);
  protected readonly renaming = signal(false);
  protected readonly dragged = signal(false);
  /** Of a deletion that is under way. */
  protected readonly deleting = signal<number | undefined>(undefined);
  protected readonly rows = new Paged<Row>(() => {
    const [bucket, prefix, account] = [this.bucket(), this.folder() ?? "", this.account.query()];
    return async (cursor, signal) => {
      const query = {
        ...account,
        prefix,
        delimiter: "/",
        limit: 100,
        ...(cursor === undefined ? {} : { cursor }),
      };
      const { items, prefixes, nextCursor } = await this.client.data(
        this.client.api.GET("/v1/storage/{bucket}/objects", { params: { path: { bucket }, query }, signal }),
      );
      const folders: Row[] = prefixes.map((key) => ({ key, name: key.slice(prefix.length) }));
      const objects = items.map((object) => ({
        key: object.key,
        name: object.key.slice(prefix.length),
        object,
      }));
      return { items: [...folders, ...objects], nextCursor };
    };
  });
  protected readonly crumbs = computed(() => {
    const parts = (this.folder() ?? "").split("/").slice(0, -1);
    return parts.map((name, index) => ({ name, folder: `${parts.slice(0, index + 1).join("/")}/` }));
  });
  protected readonly chosen = linkedSignal({
    source: () => [this.bucket(), this.folder()],
    computation: () => new Set<string>(),
  });
  protected readonly allChosen = computed(() => {
    const items = this.rows.items();
    return items.length > 0 && items.every(({ key }) => this.chosen().has(key));
  });
  protected readonly formatBytes = formatBytes;
  #stop = new AbortController();

  constructor() {
    // When the last of many has arrived, not with each.
    let seen = 0;
    effect(() => {
      const arrived = this.uploads.arrived();
      if (this.uploads.open() > 0 || arrived === seen) return;
      seen = arrived;
      untracked(() => this.rows.reload());
    });
  }

  protected open(key: string | undefined): void {
    void this.router.navigate([], { queryParams: { key: key ?? null }, queryParamsHandling: "merge" });
  }

  protected choose(key: string, yes: boolean): void {
    this.chosen.update((before) => {
      const after = new Set(before);
      if (yes) after.add(key);
      else after.delete(key);
      return after;
    });
  }

  protected chooseAll(yes: boolean): void {
    this.chosen.set(new Set(yes ? this.rows.items().map(({ key }) => key) : []));
  }

  protected take(files: FileList | null): void {
    this.#send([...(files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
  }

  protected async drop(event: DragEvent): Promise<void> {
    event.preventDefault();
    this.dragged.set(false);
    if (event.dataTransfer === null || !this.accounts.mayWrite()) return;
    try {
      this.#send(await droppedFiles(event.dataTransfer.items));
    } catch (thrown) {
      this.toasts.failed(`The files cannot be read: ${messageOf(thrown)}`);
    }
  }

  protected over(event: DragEvent): void {
    if (event.dataTransfer?.types.includes("Files") !== true) return;
    event.preventDefault();
    if (this.accounts.mayWrite()) this.dragged.set(true);
    else event.dataTransfer.dropEffect = "none";
  }

  protected async removeChosen(): Promise<void> {
    const keys = [...this.chosen()];
    const folders = keys.filter((key) => key.endsWith("/"));
    const agreed = await this.confirm.ask({
      title: keys.length === 1 ? `Delete ${keys[0]}?` : `Delete ${keys.length} items?`,
      text: `${folders.length === 0 ? "They are" : "All that is in the folders is"} gone at once, for workers too. This cannot be undone.`,
      action: "Delete",
    });
    if (!agreed) return;
    this.#stop = new AbortController();
    this.deleting.set(0);
    try {
      await this.#deleteAll(keys, this.#stop.signal);
      this.toasts.done(`${this.deleting()?.toLocaleString()} objects deleted.`);
    } catch (thrown) {
      if (!this.#stop.signal.aborted) this.toasts.failed(messageOf(thrown));
    }
    this.deleting.set(undefined);
    this.chosen.set(new Set());
    this.rows.reload();
  }

  protected stop(): void {
    this.#stop.abort(new Error("Stopped."));
  }

  protected readonly rename = async (name: string): Promise<void> => {
    await this.client.data(
      this.client.api.PATCH("/v1/storage/{bucket}", {
        params: { path: { bucket: this.bucket() }, query: this.account.query() },
        body: { name },
      }),
    );
    this.toasts.done(`It is called ${name} now.`);
    await this.router.navigate(["/storage", name], { replaceUrl: true });
  };

  protected async remove(): Promise<void> {
    const bucket = this.bucket();
    const params = { path: { bucket }, query: this.account.query() };
    const agreed = await this.confirm.ask({
      title: `Delete ${bucket}?`,
      text: "All objects in it are gone. A bucket that a live version binds is not deleted; one on a server of yours keeps its objects there. This cannot be undone.",
      action: "Delete the bucket",
      typed: bucket,
    });
    if (!agreed) return;
    try {
      await this.client.data(this.client.api.DELETE("/v1/storage/{bucket}", { params }));
      this.toasts.done(`${bucket} is deleted.`);
      await this.router.navigate(["/storage"]);
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
    }
  }

  #send(files: readonly { readonly path: string; readonly file: File }[]): void {
    const folder = this.folder() ?? "";
    this.uploads.add(
      this.bucket(),
      files.map(({ path, file }) => ({ key: folder + path, file })),
    );
  }

  async #deleteAll(keys: readonly string[], signal: AbortSignal): Promise<void> {
    const bucket = this.bucket();
    const objects = this.objects;
    const all = (async function* () {
      for (const key of keys) {
        if (key.endsWith("/")) yield* objects.keys(bucket, key, signal);
        else yield key;
      }
    })();
    const work = async () => {
      for (;;) {
        const { done, value } = await all.next();
        if (done === true) return;
        signal.throwIfAborted();
        await this.objects.delete(bucket, value);
        this.deleting.update((count = 0) => count + 1);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  }
}
