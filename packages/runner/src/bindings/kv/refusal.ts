/** What is wrong with a request: how Cloudflare's KV says it, with its status. */
export class KvRefusal extends Error {
  override readonly name = "KvRefusal";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
