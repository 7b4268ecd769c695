import { computed, Injectable, inject, signal } from "@angular/core";
import { Objects } from "./objects.ts";

/** Sent at a time: enough to fill a line with small files. */
const atOnce = 4;

export interface Upload {
  readonly id: number;
  readonly bucket: string;
  readonly key: string;
  readonly file: File;
  readonly state: "waiting" | "sending" | "done" | "failed" | "stopped";
  readonly sent: number;
  readonly failure?: string;
}

/** Files on their way into buckets. Goes on while the reader looks at other pages of the dashboard. */
@Injectable({ providedIn: "root" })
export class Uploads {
  readonly all = signal<readonly Upload[]>([]);
  readonly open = computed(
    () => this.all().filter(({ state }) => state === "waiting" || state === "sending").length,
  );
  readonly failed = computed(() => this.all().filter(({ state }) => state === "failed").length);
  readonly total = computed(() => this.all().reduce((sum, { file }) => sum + file.size, 0));
  readonly sent = computed(() => this.all().reduce((sum, { sent }) => sum + sent, 0));
  /** Grows with each object that has arrived: lists look at it. */
  readonly arrived = signal(0);
  private readonly objects = inject(Objects);
  readonly #requests = new Map<number, XMLHttpRequest>();
  #next = 1;

  constructor() {
    window.addEventListener("beforeunload", (event) => {
      if (this.open() > 0) event.preventDefault();
    });
  }

  add(bucket: string, files: readonly { readonly key: string; readonly file: File }[]): void {
    const added = files.map(
      ({ key, file }) => ({ id: this.#next++, bucket, key, file, state: "waiting", sent: 0 }) as const,
    );
    this.all.update((before) => [...before, ...added]);
    this.#pump();
  }

  again(): void {
    this.all.update((all) =>
      all.map(({ failure: _, ...upload }) =>
        upload.state === "failed" ? { ...upload, state: "waiting", sent: 0 } : upload,
      ),
    );
    this.#pump();
  }

  /** Stops what is under way; what has arrived stays. */
  stop(): void {
    this.all.update((all) =>
      all.map((upload) => (upload.state === "waiting" ? { ...upload, state: "stopped" } : upload)),
    );
    for (const request of this.#requests.values()) request.abort();
  }

  clear(): void {
    this.stop();
    this.all.set([]);
  }

  #pump(): void {
    while (this.#requests.size < atOnce) {
      const next = this.all().find(({ state }) => state === "waiting");
      if (next === undefined) return;
      this.#send(next);
    }
  }

  // fetch() tells nothing of how far an upload is.
  #send({ id, bucket, key, file }: Upload): void {
    const request = new XMLHttpRequest();
    this.#requests.set(id, request);
    this.#change(id, { state: "sending" });
    request.open("PUT", this.objects.url(bucket, key));
    request.setRequestHeader("content-type", file.type || "application/octet-stream");
    request.upload.onprogress = ({ loaded }) => this.#change(id, { sent: Math.min(loaded, file.size) });
    request.onloadend = () => {
      this.#requests.delete(id);
      if (request.status >= 200 && request.status < 300) {
        this.#change(id, { state: "done", sent: file.size });
        this.arrived.update((count) => count + 1);
      } else if (this.all().find((upload) => upload.id === id)?.state === "sending") {
        this.#change(id, { state: "failed", sent: 0, failure: failureOf(request) });
      }
      this.#pump();
    };
    request.onabort = () => this.#change(id, { state: "stopped", sent: 0 });
    request.send(file);
  }

  #change(id: number, change: Partial<Upload>): void {
    this.all.update((all) => all.map((upload) => (upload.id === id ? { ...upload, ...change } : upload)));
  }
}

function failureOf({ status, responseText }: XMLHttpRequest): string {
  if (status === 0) return "The connection broke off.";
  try {
    return String(JSON.parse(responseText).error.message);
  } catch {
    return `The platform answered ${status}.`;
  }
}

/** The files of a drop with their paths, those of folders within folders too. */
export async function droppedFiles(items: DataTransferItemList): Promise<{ path: string; file: File }[]> {
  // To be taken before anything is awaited: the list is empty afterwards.
  const entries = [...items].flatMap((item) => item.webkitGetAsEntry() ?? item.getAsFile() ?? []);
  const found: { path: string; file: File }[] = [];
  for (const entry of entries) {
    if (entry instanceof File) found.push({ path: entry.name, file: entry });
    else await collect(entry, found);
  }
  return found;
}

async function collect(entry: FileSystemEntry, found: { path: string; file: File }[]): Promise<void> {
  if (entry instanceof FileSystemFileEntry) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    found.push({ path: entry.fullPath.slice(1), file });
  } else if (entry instanceof FileSystemDirectoryEntry) {
    const reader = entry.createReader();
    for (;;) {
      const children = await new Promise<FileSystemEntry[]>((resolve, reject) =>
        reader.readEntries(resolve, reject),
      );
      if (children.length === 0) return;
      for (const child of children) await collect(child, found);
    }
  }
}
