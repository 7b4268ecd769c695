// pg's own, which it gives no types for: https://github.com/brianc/node-postgres/tree/master/packages/pg/lib/crypto
declare module "pg/lib/crypto/sasl" {
  export interface SaslSession {
    readonly mechanism: string;
    /** What to send next. */
    readonly response: string;
  }
  export function startSession(mechanisms: readonly string[]): SaslSession;
  export function continueSession(session: SaslSession, password: string, serverData: string): Promise<void>;
  /** @throws Error when the server does not know the password either */
  export function finalizeSession(session: SaslSession, serverData: string): void;
}

declare module "pg/lib/crypto/utils" {
  export function postgresMd5PasswordHash(user: string, password: string, salt: Buffer): Promise<string>;
}
