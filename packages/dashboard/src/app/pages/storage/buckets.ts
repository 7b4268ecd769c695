import { ChangeDetectionStrategy, Component, inject, signal } from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { once } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { Empty } from "../../ui/empty.ts";
import { Field } from "../../ui/field.ts";
import { NameDialog } from "../../ui/name-dialog.ts";
import { Page } from "../../ui/page.ts";
import { Paged } from "../../ui/paged.ts";
import { PagedFoot } from "../../ui/paged-foot.ts";
import { Time } from "../../ui/time.ts";
import { Toasts } from "../../ui/toasts.ts";

/** The account's buckets. */
@Component({
  selector: "ow-buckets",
  imports: [Empty, Field, NameDialog, Page, PagedFoot, RouterLink, Time],
  template: `
    <ow-page heading="Storage" lead="Objects of any size in buckets, on the platform or on an S3 server of yours.">
      @if (accounts.mayWrite()) {
        <button actions type="button" class="button button-primary" (click)="making.set(true)">New bucket</button>
      }
      <div class="card overflow-x-auto">
        @if (buckets.empty()) {
          <ow-empty title="No buckets yet" text="A bucket holds files that a worker reads and writes through a binding. From a terminal: ow storage create NAME">
            @if (accounts.mayWrite()) {
              <button type="button" class="button" (click)="making.set(true)">New bucket</button>
            }
          </ow-empty>
        } @else if (buckets.items().length > 0) {
          <table class="table">
            <thead>
              <tr><th scope="col">Name</th><th scope="col">Kept</th><th scope="col" class="numeric">Made</th></tr>
            </thead>
            <tbody>
              @for (bucket of buckets.items(); track bucket.id) {
                <tr>
                  <td><a class="link font-medium" [routerLink]="['/storage', bucket.name]">{{ bucket.name }}</a></td>
                  <td class="text-muted">{{ bucket.s3 === null ? "on the platform" : bucket.s3.endpoint + "/" + bucket.s3.bucket }}</td>
                  <td class="numeric text-muted"><ow-time [value]="bucket.createdAt" /></td>
                </tr>
              }
            </tbody>
          </table>
        }
        <ow-paged-foot [of]="buckets" />
      </div>
    </ow-page>
    <ow-name-dialog
      title="New bucket"
      action="Make it"
      hint="3 to 63 lower-case letters, digits and hyphens."
      [open]="making()"
      [send]="make"
      (closed)="making.set(false)"
    >
      <label class="flex items-center gap-2">
        <input type="checkbox" class="size-4" [checked]="own()" (change)="own.set($any($event.target).checked)" /> On an S3 server of mine
      </label>
      @if (own()) {
        <ow-field label="Endpoint" name="endpoint" type="url" placeholder="https://s3.example.com" [(value)]="endpoint" />
        <div class="grid gap-4 sm:grid-cols-2">
          <ow-field label="Bucket there" name="bucket" [(value)]="bucket" />
          <ow-field label="Region" name="region" [(value)]="region" />
          <ow-field label="Access key id" name="accessKeyId" [(value)]="accessKeyId" />
          <ow-field label="Secret access key" name="secretAccessKey" type="password" autocomplete="new-password" [(value)]="secretAccessKey" />
        </div>
        <p class="hint !mt-0">The keys are sealed at once. Workers never hold them, and nobody is shown them again.</p>
      }
    </ow-name-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Buckets {
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  protected readonly accounts = inject(Accounts);
  private readonly router = inject(Router);
  private readonly toasts = inject(Toasts);
  protected readonly making = signal(false);
  protected readonly own = signal(false);
  protected readonly endpoint = signal("");
  protected readonly bucket = signal("");
  protected readonly region = signal("auto");
  protected readonly accessKeyId = signal("");
  protected readonly secretAccessKey = signal("");
  protected readonly buckets = new Paged(() => {
    const account = this.account.query();
    return (cursor, signal) =>
      this.client.data(
        this.client.api.GET("/v1/storage", {
          params: { query: { ...account, limit: 50, ...(cursor === undefined ? {} : { cursor }) } },
          signal,
        }),
      );
  });

  protected readonly make = async (name: string): Promise<void> => {
    const s3 = {
      endpoint: this.endpoint(),
      bucket: this.bucket(),
      region: this.region(),
      prefix: "",
      accessKeyId: this.accessKeyId(),
      secretAccessKey: this.secretAccessKey(),
    };
    await this.client.data(
      this.client.api.POST("/v1/storage", {
        params: { query: this.account.query() },
        body: { name, ...(this.own() ? { s3 } : {}) },
        headers: once(),
      }),
    );
    this.secretAccessKey.set("");
    this.toasts.done(`${name} is there.`);
    await this.router.navigate(["/storage", name]);
  };
}
