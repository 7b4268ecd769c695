export interface Person {
  readonly id: string;
  readonly email: string;
  /** As they want to be called. */
  readonly name: string;
  readonly isOperator: boolean;
}
