// Calls another worker as often as the query says, one call after the other, and then once.
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    for (let left = Number(searchParams.get("sequential") ?? 0); left > 0; left--) {
      if (pathname === "/fetch") await (await env.CALLEE.fetch("http://callee/")).text();
      else await env.CALLEE.add(left, 1);
    }
    return new Response(String(await env.CALLEE.add(1, 2)));
  },
};
