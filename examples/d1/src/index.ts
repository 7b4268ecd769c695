// The calls of https://developers.cloudflare.com/d1/get-started/
export interface Env {
  prod_d1_tutorial: D1Database;
}

export default {
  async fetch(request, env): Promise<Response> {
    const { pathname } = new URL(request.url);

    if (pathname === "/api/beverages") {
      const { results } = await env.prod_d1_tutorial
        .prepare("SELECT * FROM Customers WHERE CompanyName = ?")
        .bind("Bs Beverages")
        .run();
      return Response.json(results);
    }

    return new Response("Call /api/beverages to see everyone who works at Bs Beverages");
  },
} satisfies ExportedHandler<Env>;
