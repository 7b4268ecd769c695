/**
 * A worker that does what its request's path names among its actions. The answer is what that
 * returns as JSON, or `{ error, code }` of what it threw.
 */
export const obedient = `
import { connect } from "cloudflare:sockets";
import unsafe from "./actions.js";
export default {
  async fetch(request, env, ctx) {
    const action = unsafe[new URL(request.url).pathname.slice(1)];
    try {
      const value = await action({ request, env, ctx, connect, query: new URL(request.url).searchParams });
      return value instanceof Response ? value : Response.json(value ?? null);
    } catch (thrown) {
      return Response.json({ error: String(thrown), code: thrown.code });
    }
  },
};`;

/** The module that \`obedient\` takes its actions from, one for each path. */
export function actions(table: Readonly<Record<string, string>>): { "actions.js": string } {
  const entries = Object.entries(table).map(
    ([name, code]) =>
      `${JSON.stringify(name)}: async ({ request, env, ctx, connect, query }) => { ${code} },`,
  );
  return { "actions.js": `export default { ${entries.join("\n")} };` };
}
