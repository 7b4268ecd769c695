import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";

const prices = new Map([
  ["emma", 1250],
  ["middlemarch", 1890],
]);

/** What somebody wants to buy. It lives in this worker for as long as the one that called holds a stub of it. */
class Basket extends RpcTarget {
  #titles: string[] = [];

  add(title: string): number {
    if (!prices.has(title)) throw new RangeError(`There is no book ${title}.`);
    return this.#titles.push(title);
  }

  get cents(): number {
    return this.#titles.reduce((sum, title) => sum + (prices.get(title) ?? 0), 0);
  }
}

/** What any worker with a binding may call. */
export default class Books extends WorkerEntrypoint {
  price(title: string): number | undefined {
    return prices.get(title);
  }

  basket(): Basket {
    return new Basket();
  }

  /** Calls back for each book. */
  async each(visit: (title: string, cents: number) => Promise<void>): Promise<void> {
    for (const [title, cents] of prices) await visit(title, cents);
  }

  /** A line for each book. */
  catalogue(): ReadableStream<Uint8Array> {
    const lines = [...prices].map(([title, cents]) => `${title} ${cents}\n`);
    return new Blob(lines).stream();
  }

  override fetch(request: Request): Response {
    return new Response(`The books at ${new URL(request.url).pathname}\n`);
  }
}

/** For workers whose binding names it, with the props that the binding gives. */
export class Keeper extends WorkerEntrypoint<unknown, { user: string }> {
  whoami(): string {
    return this.ctx.props.user;
  }
}
