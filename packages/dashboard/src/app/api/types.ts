/** Who is signed in, as the API's `/v1/auth/me` says. */
export interface Person {
  readonly id: string;
  /** Name of their own account: in addresses, commands and audit logs. */
  readonly account: string;
  readonly email: string;
  readonly emailVerified: boolean;
  /** As they want to be called. */
  readonly name: string;
  readonly isOperator: boolean;
  readonly twoFactor: boolean;
  readonly hasPassword: boolean;
  readonly github: boolean;
}
