import { computed, Injectable, inject, signal } from "@angular/core";
import { Api } from "../api/api.ts";
import { codeOf } from "../api/failure.ts";
import type { Person } from "../api/types.ts";

/** Who is signed in. */
@Injectable({ providedIn: "root" })
export class Session {
  readonly person = signal<Person | undefined>(undefined);
  readonly signedIn = computed(() => this.person() !== undefined);
  private readonly client = inject(Api);
  #asked: Promise<void> | undefined;

  /** Resolves when it is known who it is; asks once. Rejects when the API cannot be reached. */
  known(): Promise<void> {
    this.#asked ??= this.refresh();
    return this.#asked;
  }

  async refresh(): Promise<void> {
    try {
      this.person.set(await this.client.ask<Person>("GET", "/v1/auth/me"));
    } catch (thrown) {
      this.person.set(undefined);
      if (codeOf(thrown) === "UNAUTHORIZED") return;
      this.#asked = undefined;
      throw thrown;
    }
  }

  async signOut(): Promise<void> {
    await this.client.ask("POST", "/v1/auth/sign-out");
    this.person.set(undefined);
  }
}
