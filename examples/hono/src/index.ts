import { Hono } from "hono";
import { etag } from "hono/etag";

interface Bindings {
  /** From `vars` in wrangler.jsonc. */
  readonly GREETING: string;
}

const app = new Hono<{ Bindings: Bindings }>();

app.use("/hello/*", etag());
app.get("/", (c) => c.text(`${c.env.GREETING} from Hono\n`));
app.get("/hello/:name", (c) => c.json({ message: `${c.env.GREETING}, ${c.req.param("name")}!` }));
app.post("/sum", async (c) => {
  const body: unknown = await c.req.json().catch(() => undefined);
  if (!Array.isArray(body) || !body.every((value) => typeof value === "number")) {
    return c.json({ error: "Send a JSON array of numbers." }, 400);
  }
  return c.json({ sum: body.reduce((sum: number, value: number) => sum + value, 0) });
});

export default app;
