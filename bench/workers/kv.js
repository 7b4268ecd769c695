/** `/?key=K` gets a value once; with `&sequential=N` or `&parallel=N` as often as it says. */
export default {
  async fetch(request, env) {
    const { searchParams } = new URL(request.url);
    const key = searchParams.get("key") ?? "key-1";
    for (let left = Number(searchParams.get("sequential") ?? 0); left > 0; left--) await env.KV.get(key);
    const parallel = Number(searchParams.get("parallel") ?? 0);
    await Promise.all(Array.from({ length: parallel }, () => env.KV.get(key)));
    return new Response(await env.KV.get(key));
  },
};
