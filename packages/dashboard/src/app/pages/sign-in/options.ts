import { computed, Injectable, inject, resource } from "@angular/core";
import { Api } from "../../api/api.ts";

interface SignInOptions {
  readonly registration: "open" | "closed";
  readonly github: boolean;
}

/** By what one gets in here. Asked for once. */
@Injectable({ providedIn: "root" })
export class Options {
  private readonly client = inject(Api);
  readonly resource = resource({
    loader: () => this.client.ask<SignInOptions>("GET", "/v1/auth/options"),
  });
  /** Undefined until it is known. */
  readonly now = computed(() => (this.resource.hasValue() ? this.resource.value() : undefined));

  /** Where a click on "GitHub" leads, to come back to `path` of the dashboard. */
  githubUrl(path: string): string {
    return `/v1/auth/github?${new URLSearchParams({ returnTo: location.origin + path })}`;
  }
}
