import { html } from "hono/html";

/** Whether an address is a page of one of the origins; anything else could take a challenge or a visitor away. */
export function isOwnPage(text: string, origins: readonly string[]): boolean {
  const url = URL.parse(text);
  return url !== null && url.username === "" && url.password === "" && origins.includes(url.origin);
}

export async function returnPage(error: string | undefined): Promise<Response> {
  const says = error === undefined ? "You are signed in." : `GitHub did not sign you in: ${error}.`;
  const body = await html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>OpenWorkers</title></head><body><p>${says}</p></body></html>
`;
  return new Response(String(body), {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    },
  });
}
