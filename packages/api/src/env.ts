import type { Fetch } from "./platform/services.ts";

/** The platform's database as whoever calls: `platform-sql`, face `api`. */
export interface SqlBinding {
  readonly connectionString: string;
}

/** What the API worker has on `env`. */
export interface Env {
  readonly SQL: SqlBinding;
  /** What SQL cannot do: docs/decisions/018-api.md. */
  readonly PLATFORM: Fetch;
  /** The worker that signs people in. */
  readonly IDENTITY: Fetch;
  /** Where the API is seen from outside: `http://api.example.com`. */
  readonly BASE_URL: string;
  /** Origins of the dashboard, apart by spaces, whose pages may use the session's cookie. */
  readonly DASHBOARD_URL?: string;
}
