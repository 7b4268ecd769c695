// The calls of https://developers.cloudflare.com/d1/examples/d1-and-hono/ and
// https://developers.cloudflare.com/d1/tutorials/build-a-comments-api/
import { Hono } from "hono";

type Bindings = {
  DB: D1Database;
};

const app = new Hono<{ Bindings: Bindings }>();

app.get("/query/users/:id", async (c) => {
  const userId = c.req.param("id");
  try {
    const { results } = await c.env.DB.prepare("SELECT * FROM users WHERE user_id = ?").bind(userId).run();
    return c.json(results);
  } catch (e) {
    return c.json({ err: (e as Error).message }, 500);
  }
});

app.get("/api/posts/:slug/comments", async (c) => {
  const { slug } = c.req.param();
  const { results } = await c.env.DB.prepare("select * from comments where post_slug = ?").bind(slug).run();
  return c.json(results);
});

app.post("/api/posts/:slug/comments", async (c) => {
  const { slug } = c.req.param();
  const { author, body } = await c.req.json();

  if (!author) return c.text("Missing author value for new comment", 400);
  if (!body) return c.text("Missing body value for new comment", 400);

  const { success } = await c.env.DB.prepare(
    "insert into comments (author, body, post_slug) values (?, ?, ?)",
  )
    .bind(author, body, slug)
    .run();
  return success ? c.text("Created", 201) : c.text("Something went wrong", 500);
});

export default app;
