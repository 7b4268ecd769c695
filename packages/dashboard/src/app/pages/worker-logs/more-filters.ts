import { ChangeDetectionStrategy, Component, input, output, signal } from "@angular/core";
import { Dialog } from "../../ui/dialog.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf } from "../../ui/form.ts";
import type { Wanted } from "./filter.ts";

type More = "request" | "version" | "status";
type Change = { readonly [Name in More]: string | null };

/** The service takes an id as a whole, or by the end of it that is shown. */
const requestPattern = /^([0-9a-f]{8}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const statusPattern = /^[1-5](\d\d|xx)$/;

/** Asks for the filters that are seldom typed: mostly a link sets them. */
@Component({
  selector: "ow-more-filters",
  imports: [Dialog, Field],
  template: `
    <ow-dialog [open]="open()" title="More filters" (closed)="closed.emit()">
      <form class="flex flex-col gap-4" (submit)="apply($event)">
        <ow-field label="Request" name="request" [required]="false" hint="Its id, or the eight characters that a row shows." [value]="wanted().request ?? ''" [issue]="issues().request" />
        <div class="grid gap-4 sm:grid-cols-2">
          <ow-field label="Version" name="version" inputmode="numeric" [required]="false" hint="Its number." [value]="wanted().version ?? ''" [issue]="issues().version" />
          <ow-field label="Status" name="status" [required]="false" hint="404, or a class such as 5xx." [value]="wanted().status ?? ''" [issue]="issues().status" />
        </div>
        <div class="flex justify-end gap-2">
          <button type="button" class="button" (click)="closed.emit()">Cancel</button>
          <button class="button button-primary">Filter</button>
        </div>
      </form>
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class MoreFilters {
  readonly open = input.required<boolean>();
  readonly wanted = input.required<Wanted>();
  readonly chosen = output<Change>();
  readonly closed = output<void>();
  protected readonly issues = signal<{ readonly [Name in More]?: string }>({});

  protected apply(event: Event): void {
    const fields = fieldsOf(event);
    const text = (name: More) => (fields[name] ?? "").trim().toLowerCase();
    const issues = {
      ...(wrong(text("request"), requestPattern)
        ? { request: "is no request's id, nor the end of one" }
        : {}),
      ...(wrong(text("version"), /^[1-9]\d{0,8}$/) ? { version: "is no number of a version" } : {}),
      ...(wrong(text("status"), statusPattern) ? { status: "is no status, nor a class of them" } : {}),
    };
    this.issues.set(issues);
    if (Object.keys(issues).length > 0) return;
    this.chosen.emit({
      request: text("request") || null,
      version: text("version") || null,
      status: text("status") || null,
    });
    this.closed.emit();
  }
}

function wrong(text: string, pattern: RegExp): boolean {
  return text !== "" && !pattern.test(text);
}
