/**
 * Whether PostgreSQL refused a login because the role is NOLOGIN, as those of a tenant are that is suspended. A login that
 * pg_hba.conf does not allow has the same SQLSTATE; messages are translated, names of functions are not (miscinit.c).
 */
export function isNoLogin(error: { readonly code?: unknown; readonly routine?: unknown }): boolean {
  return error.code === "28000" && error.routine === "InitializeSessionUserId";
}

/** What its clients are told, for as long as that lasts. */
export const suspended = {
  message: "the database is suspended for a while",
  hint: "It took more than its share of what all databases have in common. Its sessions are let in again by themselves.",
} as const;

/** What those are told who may read and delete only. PostgreSQL itself says that there is no permission. */
export const full = {
  message: "the database is full: rows are read and deleted, and nothing is added or changed",
  hint: "The database is full: delete rows or TRUNCATE tables, or raise its size limit; writes are allowed again when there is room.",
} as const;
