import { computed, effect, Injectable, signal } from "@angular/core";

const key = "ow-account";

/** Whose things are shown: the reader's own, or an organisation's. */
@Injectable({ providedIn: "root" })
export class Account {
  /** Name of the organisation; undefined for the reader's own account. Kept between visits. */
  readonly organisation = signal<string | undefined>(localStorage.getItem(key) ?? undefined);
  /** For the query of a request: `{ account }`, or nothing. */
  readonly query = computed(() => {
    const account = this.organisation();
    return account === undefined ? {} : { account };
  });

  constructor() {
    effect(() => {
      const account = this.organisation();
      if (account === undefined) localStorage.removeItem(key);
      else localStorage.setItem(key, account);
    });
  }
}
