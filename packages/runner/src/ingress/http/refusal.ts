/** A message that must not be forwarded: what the client is told, and with which status. */
export interface Refusal {
  readonly refused: true;
  readonly status: number;
  readonly message: string;
}

export function refusal(status: number, message: string): Refusal {
  return { refused: true, status, message };
}

export function isRefusal(value: object | undefined): value is Refusal {
  return value !== undefined && "refused" in value;
}
