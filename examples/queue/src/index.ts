interface Env {
  ORDERS: Queue<Order>;
  DONE: KVNamespace;
}

interface Order {
  readonly id: string;
  /** How often it fails before it succeeds. */
  readonly failures?: number;
}

// POST /orders {"id": "1", "failures": 1}, then GET /orders/1 until it says what became of the order.
export default {
  async fetch(request, env): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method === "POST" && pathname === "/orders") {
      const orders = [await request.json<Order | Order[]>()].flat();
      await env.ORDERS.sendBatch(orders.map((body) => ({ body })));
      return Response.json({ accepted: orders.length }, { status: 202 });
    }
    const [, id] = /^\/orders\/([^/]+)$/.exec(pathname) ?? [];
    if (id === undefined) return new Response("POST /orders, GET /orders/ID\n", { status: 404 });
    const done = await env.DONE.get(id);
    return done === null ? new Response("not yet\n", { status: 404 }) : new Response(`${done}\n`);
  },

  async queue(batch, env): Promise<void> {
    for (const message of batch.messages) {
      const { id, failures = 0 } = message.body;
      if (batch.queue === "orders-dead") {
        await env.DONE.put(id, "given up");
      } else if (message.attempts <= failures) {
        message.retry();
      } else {
        await env.DONE.put(id, `done at attempt ${message.attempts}`);
      }
    }
  },
} satisfies ExportedHandler<Env, Order>;
