import type Books from "../../service-books/src/index.ts";
import type { Keeper } from "../../service-books/src/index.ts";

interface Env {
  BOOKS: Service<typeof Books>;
  KEEPER: Service<typeof Keeper>;
}

export default {
  async fetch(request, env): Promise<Response> {
    switch (new URL(request.url).pathname) {
      case "/price":
        return Response.json(await env.BOOKS.price("emma"));
      case "/basket": {
        // `using` gives the basket up at the end; else it would live as long as this request.
        using basket = await env.BOOKS.basket();
        await basket.add("emma");
        await basket.add("middlemarch");
        return Response.json(await basket.cents);
      }
      case "/unknown": {
        using basket = await env.BOOKS.basket();
        return new Response(String(await basket.add("none").catch(String)), { status: 422 });
      }
      case "/each": {
        const titles: string[] = [];
        await env.BOOKS.each(async (title) => {
          titles.push(title);
        });
        return Response.json(titles);
      }
      case "/catalogue":
        return new Response(await env.BOOKS.catalogue());
      case "/whoami":
        return new Response(await env.KEEPER.whoami());
      default:
        return env.BOOKS.fetch(request);
    }
  },
} satisfies ExportedHandler<Env>;
