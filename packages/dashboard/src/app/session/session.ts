import { computed, Injectable, inject, signal } from "@angular/core";
import { Router } from "@angular/router";
import { Api } from "../api/api.ts";
import { codeOf } from "../api/failure.ts";
import type { Person } from "../api/types.ts";
import { Account } from "./account.ts";

type Me = Omit<Person, "isOperator"> & { readonly operator: boolean };

/** Who is signed in. */
@Injectable({ providedIn: "root" })
export class Session {
  readonly person = signal<Person | undefined>(undefined);
  readonly signedIn = computed(() => this.person() !== undefined);
  private readonly client = inject(Api);
  private readonly router = inject(Router);
  private readonly account = inject(Account);
  #asked: Promise<void> | undefined;

  constructor() {
    this.client.refused = () => this.#ended();
  }

  /** Resolves when it is known who it is; asks once. Rejects when the API cannot be reached. */
  known(): Promise<void> {
    this.#asked ??= this.refresh();
    return this.#asked;
  }

  async refresh(): Promise<void> {
    try {
      const { operator, ...me } = await this.client.ask<Me>("GET", "/v1/auth/me");
      this.person.set({ ...me, isOperator: operator });
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
    // Whoever is next at this browser is in other organisations.
    this.account.organisation.set(undefined);
  }

  /** Somebody has ended this session elsewhere, or it has run out. */
  #ended(): void {
    if (!this.signedIn()) return;
    this.person.set(undefined);
    const { url } = this.router;
    void this.router.navigate(["/sign-in"], url === "/" ? {} : { queryParams: { next: url } });
  }
}
