/**
 * `fetch` that knows where names under `localhost` are (RFC 6761 §6.3): not every resolver does, and the API of a platform
 * on this machine is at `api.localhost`.
 */
export async function apiFetch(request: Request): Promise<Response> {
  const url = new URL(request.url);
  if (!url.hostname.endsWith(".localhost")) return await fetch(request);
  const { host } = url;
  url.hostname = "127.0.0.1";
  const { method, signal } = request;
  // Whole: as a stream it would lose its length.
  const body = request.body === null ? null : await request.blob();
  const headers = new Headers([...request.headers, ["host", host]]);
  return await fetch(url, { method, headers, body, signal, redirect: "manual" });
}
