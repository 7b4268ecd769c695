import { ChangeDetectionStrategy, Component, input, linkedSignal, output, signal } from "@angular/core";
import { Dialog } from "../../ui/dialog.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf } from "../../ui/form.ts";
import { spans, type Wanted } from "./filter.ts";

type TimeRange = Pick<Wanted, "since" | "from" | "to" | "at">;
type Change = { readonly [Name in keyof TimeRange]: string | null };

const none: Change = { since: null, from: null, to: null, at: null };

/** Asks for a time: live, back so far, between two moments, or round one. */
@Component({
  selector: "ow-time-dialog",
  imports: [Dialog, Field],
  template: `
    <ow-dialog [open]="open()" title="Time" (closed)="closed.emit()">
      <div class="grid grid-cols-2 gap-2 sm:grid-cols-3">
        <button type="button" class="button" [attr.aria-pressed]="isLive()" [class.border-accent!]="isLive()" (click)="choose({})">Live</button>
        @for (span of spans; track span[0]) {
          <button type="button" class="button" [attr.aria-pressed]="range().since === span[0]" [class.border-accent!]="range().since === span[0]" (click)="choose({ since: span[0] })">
            {{ span[1].text }}
          </button>
        }
      </div>
      <form class="mt-5 border-t border-line pt-4" (submit)="between($event)">
        <div class="grid gap-3 sm:grid-cols-2">
          <ow-field label="From" name="from" type="datetime-local" [required]="false" [value]="from()" />
          <ow-field label="To" name="to" type="datetime-local" [required]="false" hint="Without: live from there on." [value]="to()" [issue]="issue()" />
        </div>
        <button class="button mt-3">Show this time</button>
      </form>
      <form class="mt-5 border-t border-line pt-4" (submit)="jump($event)">
        <ow-field label="Jump to" name="at" type="datetime-local" hint="What was before and after can be scrolled to." [value]="at()" />
        <button class="button mt-3">Jump there</button>
      </form>
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class TimeDialog {
  readonly open = input.required<boolean>();
  readonly range = input.required<TimeRange>();
  readonly chosen = output<Change>();
  readonly closed = output<void>();
  protected readonly spans = Object.entries(spans);
  protected readonly issue = signal<string | undefined>(undefined);
  protected readonly from = linkedSignal(() => local(this.range().from));
  protected readonly to = linkedSignal(() => local(this.range().to));
  protected readonly at = linkedSignal(() => local(this.range().at ?? new Date().toISOString()));

  protected isLive(): boolean {
    return Object.values(this.range()).every((value) => value === undefined);
  }

  protected choose(change: Partial<Change>): void {
    this.chosen.emit({ ...none, ...change });
    this.closed.emit();
  }

  protected between(event: Event): void {
    const { from = "", to = "" } = fieldsOf(event);
    const ends = from !== "" && to !== "" && from >= to;
    this.issue.set(ends ? "is not after the beginning" : undefined);
    if (!ends) this.choose({ from: iso(from), to: iso(to) });
  }

  protected jump(event: Event): void {
    const { at = "" } = fieldsOf(event);
    this.choose({ at: iso(at) });
  }
}

/** What an input of the reader's own zone says. */
function iso(text: string): string | null {
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

function local(text: string | undefined): string {
  const time = Date.parse(text ?? "");
  if (Number.isNaN(time)) return "";
  return new Date(time - new Date(time).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
