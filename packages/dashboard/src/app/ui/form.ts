import { signal, type WritableSignal } from "@angular/core";
import { issueOf, messageOf } from "../api/failure.ts";

/** The state of a form that is sent: whether it is under way, and what was wrong with the last try. */
export class Sending {
  readonly busy: WritableSignal<boolean> = signal(false);
  readonly failure = signal<unknown>(undefined);

  /** What was wrong as a whole, as a sentence; undefined when nothing was, or a field says it. */
  message(): string | undefined {
    const failure = this.failure();
    return failure === undefined ? undefined : messageOf(failure);
  }

  /** What was wrong with one field. */
  issue(field: string): string | undefined {
    return issueOf(this.failure(), field);
  }

  /** Runs `work` unless it is under way already. Resolves to whether it was done. */
  async run(work: () => Promise<void>): Promise<boolean> {
    if (this.busy()) return false;
    this.busy.set(true);
    this.failure.set(undefined);
    try {
      await work();
      return true;
    } catch (thrown) {
      this.failure.set(thrown);
      return false;
    } finally {
      this.busy.set(false);
    }
  }
}

/** The texts of a submitted form's fields, by name. */
export function fieldsOf(event: Event): Record<string, string> {
  event.preventDefault();
  const data = new FormData(event.target as HTMLFormElement);
  return Object.fromEntries(
    [...data].flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
  );
}
