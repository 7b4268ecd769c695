// pg's own, which it gives no types for: https://github.com/brianc/node-postgres/blob/master/packages/pg/lib/utils.js
declare module "pg/lib/utils" {
  /** A parameter of a statement as PostgreSQL reads it. */
  export function prepareValue(value: unknown): string | Buffer | null;
}
