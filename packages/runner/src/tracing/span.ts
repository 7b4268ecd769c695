import type { TraceParent } from "./traceparent.ts";

export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Something that takes a while and is being recorded. What is not recorded has no span at all. */
export interface Span {
  /** What others that do something for it are told. */
  readonly context: TraceParent;
  /** Begins a part of it in which somebody else is asked. */
  child(name: string, attributes: Attributes): Span;
  /** `error` when it failed, in a word. Once. */
  end(attributes: Attributes, error?: string): void;
}

export interface Invocation {
  readonly name: string;
  /** Who began it: somebody who waits for it, or a message or a clock. */
  readonly kind: "request" | "event";
  readonly attributes: Attributes;
  /** `performance.now()`. */
  readonly startedAt: number;
}

/** What an invocation may be a part of. */
export interface Joined {
  readonly parent: TraceParent;
  /** It is recorded if the parent is; else the parent says no more than which trace it belongs to. */
  readonly decides: boolean;
}

export interface Tracer extends AsyncDisposable {
  /** Begins an invocation of a worker; undefined when it is not to be recorded. */
  begin(invocation: Invocation, joined?: Joined): Span | undefined;
  /** What a client's `traceparent` is good for. */
  join(traceparent: string | undefined, trusted: boolean): Joined | undefined;
}
