import {
  ChangeDetectionStrategy,
  Component,
  computed,
  DestroyRef,
  effect,
  inject,
  input,
  signal,
  untracked,
} from "@angular/core";
import { LucidePlay } from "@lucide/angular";
import { followLogs } from "@openworkers/client";
import type { LogLine, LogRecord } from "@openworkers/core";
import { Api } from "../../api/api.ts";
import { messageOf } from "../../api/failure.ts";
import { formatBytes } from "../../ui/bytes.ts";
import { AnswerBody } from "./answer-body.ts";
import {
  hasBody,
  methods,
  noRequest,
  type PreviewAnswer,
  PreviewHistory,
  type PreviewRequest,
  parseHeaders,
} from "./preview-request.ts";

/** Records of a request come after its answer. */
const followMs = 8_000;
const milliseconds = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

const views = [
  { id: "body", name: "Body" },
  { id: "headers", name: "Headers" },
  { id: "logs", name: "Logs" },
] as const;

/** Tries a request on what is live: method, path, headers and body; what is answered, how long it took, what was logged. */
@Component({
  selector: "ow-preview-pane",
  imports: [AnswerBody, LucidePlay],
  templateUrl: "./preview-pane.html",
  host: { class: "flex min-h-0 flex-col" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class PreviewPane {
  readonly worker = input.required<string>();
  /** Whether the reader may have the worker run. */
  readonly mayAsk = input.required<boolean>();
  readonly live = input<number>();
  protected readonly methods = methods;
  protected readonly views = views;
  protected readonly request = signal(noRequest);
  protected readonly history = signal<readonly PreviewRequest[]>([]);
  protected readonly busy = signal(false);
  protected readonly failure = signal<string | undefined>(undefined);
  protected readonly answer = signal<PreviewAnswer | undefined>(undefined);
  protected readonly view = signal<(typeof views)[number]["id"]>("body");
  protected readonly records = signal<readonly LogRecord[]>([]);
  protected readonly following = signal(false);
  protected readonly takesBody = computed(() => hasBody(this.request().method));
  protected readonly bytes = computed(() => Uint8Array.fromBase64(this.answer()?.body ?? ""));
  protected readonly size = computed(() => formatBytes(this.bytes().length));
  protected readonly type = computed(
    () => this.answer()?.headers.find(([name]) => String(name).toLowerCase() === "content-type")?.[1] ?? "",
  );
  protected readonly lines = computed(() =>
    this.records().filter((record): record is LogLine => record.kind === "line"),
  );
  protected readonly invocation = computed(() =>
    this.records().find((record) => record.kind === "invocation"),
  );
  private readonly client = inject(Api);
  #asking: AbortController | undefined;
  #following: AbortController | undefined;

  constructor() {
    effect(() => {
      const history = new PreviewHistory(this.worker()).read();
      untracked(() => {
        this.history.set(history);
        const [last] = history;
        if (last !== undefined) this.request.set(last);
      });
    });
    inject(DestroyRef).onDestroy(() => {
      this.#asking?.abort();
      this.#following?.abort();
    });
  }

  protected change(part: Partial<PreviewRequest>): void {
    this.request.update((request) => ({ ...request, ...part }));
  }

  protected again(index: string): void {
    const request = this.history()[Number(index)];
    if (request !== undefined) this.request.set(request);
  }

  protected cancel(): void {
    this.#asking?.abort();
  }

  protected async send(): Promise<void> {
    if (this.busy() || !this.mayAsk()) return;
    const asking = new AbortController();
    this.#asking = asking;
    this.#following?.abort();
    this.busy.set(true);
    this.failure.set(undefined);
    this.records.set([]);
    try {
      const answer = await this.#ask(asking.signal);
      this.answer.set(answer);
      if (answer.requestId !== null) void this.#follow(answer.requestId);
    } catch (thrown) {
      this.answer.set(undefined);
      if (!asking.signal.aborted) this.failure.set(messageOf(thrown));
    } finally {
      this.busy.set(false);
    }
  }

  async #ask(signal: AbortSignal): Promise<PreviewAnswer> {
    const { method, headers, body, ...request } = this.request();
    const path = request.path.startsWith("/") ? request.path : `/${request.path}`;
    const fields = parseHeaders(headers);
    this.change({ path });
    this.history.set(new PreviewHistory(this.worker()).add(this.request()));
    const sent = hasBody(method) && body !== "" ? { body: new TextEncoder().encode(body).toBase64() } : {};
    return await this.client.data(
      this.client.api.POST("/v1/workers/{worker}/preview", {
        params: { path: { worker: this.worker() } },
        body: { method, path, headers: fields, ...sent },
        signal,
      }),
    );
  }

  async #follow(requestId: string): Promise<void> {
    const following = new AbortController();
    this.#following = following;
    const signal = AbortSignal.any([following.signal, AbortSignal.timeout(followMs)]);
    this.following.set(true);
    try {
      const query = { requestId, history: "100" };
      for await (const record of followLogs(this.client, { worker: this.worker(), query, signal })) {
        this.records.update((records) => [...records, record]);
      }
    } catch (thrown) {
      if (!signal.aborted) this.failure.set(`Its log lines could not be read. ${messageOf(thrown)}`);
    } finally {
      if (this.#following === following) this.following.set(false);
    }
  }

  protected ms(value: number): string {
    return `${milliseconds.format(value)} ms`;
  }
}
