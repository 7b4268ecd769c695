import { ChangeDetectionStrategy, Component, inject, input } from "@angular/core";
import { Router } from "@angular/router";
import { Api } from "../../api/api.ts";
import { Session } from "../../session/session.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { Frame } from "./frame.ts";

/** The first administrator, by the one-time link that `ow up` prints. */
@Component({
  selector: "ow-setup",
  imports: [Field, Frame],
  template: `
    <ow-frame heading="Welcome" lead="This makes the account that runs the platform. The link works once.">
      <form class="flex flex-col gap-4" (submit)="send($event)">
        <ow-field label="Name" name="name" autocomplete="name" [issue]="sending.issue('name')" />
        <ow-field label="E-mail" name="email" type="email" autocomplete="username" [issue]="sending.issue('email')" />
        <ow-field
          label="Password"
          name="password"
          type="password"
          autocomplete="new-password"
          [minlength]="10"
          hint="At least 10 characters."
          [issue]="sending.issue('password')"
        />
        @if (sending.message(); as text) {
          <p class="text-bad" role="alert">{{ text }}</p>
        }
        <button class="button button-primary h-9" [disabled]="sending.busy()">Make the account</button>
      </form>
    </ow-frame>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Setup {
  readonly token = input.required<string>();
  protected readonly sending = new Sending();
  private readonly client = inject(Api);
  private readonly session = inject(Session);
  private readonly router = inject(Router);

  protected async send(event: Event): Promise<void> {
    const fields = fieldsOf(event);
    await this.sending.run(async () => {
      await this.client.ask("POST", "/v1/auth/setup", { ...fields, token: this.token() });
      await this.session.refresh();
      await this.router.navigateByUrl("/", { replaceUrl: true });
    });
  }
}
