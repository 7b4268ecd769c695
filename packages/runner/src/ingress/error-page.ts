/** What a person or a program is told instead of a worker's response. */
export interface Problem {
  readonly status: number;
  /** Stable, for programs: an error code or a termination reason. */
  readonly code: string;
  /** What happened, in one sentence. */
  readonly message: string;
  /** What whoever reads it can do. */
  readonly hint: string;
}

export interface Page {
  readonly contentType: string;
  readonly body: string;
}

/** The problem as HTML or JSON, whichever `accept` prefers; JSON when it says nothing of HTML. */
export function errorPage(problem: Problem, requestId: string, accept: string | undefined): Page {
  if (prefersHtml(accept)) {
    return { contentType: "text/html; charset=utf-8", body: html(problem, requestId) };
  }
  const { code, message, hint } = problem;
  const body = `${JSON.stringify({ error: { code, message, hint, requestId } })}\n`;
  return { contentType: "application/json; charset=utf-8", body };
}

/** Whether `accept` (RFC 9110 §12.5.1) names HTML with at least the weight it gives JSON. */
export function prefersHtml(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  let htmlWeight = 0;
  let jsonWeight = 0;
  for (const range of accept.toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const q = parameters.find((parameter) => parameter.startsWith("q="));
    const parsed = q === undefined ? 1 : Number(q.slice(2));
    const weight = Number.isNaN(parsed) ? 0 : parsed;
    if (type === "text/html" || type === "application/xhtml+xml") htmlWeight = Math.max(htmlWeight, weight);
    if (type === "application/json") jsonWeight = Math.max(jsonWeight, weight);
  }
  return htmlWeight > 0 && htmlWeight >= jsonWeight;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function html(problem: Problem, requestId: string): string {
  const { status } = problem;
  const message = escapeHtml(problem.message);
  const hint = escapeHtml(problem.hint).replace(/`([^`]+)`/g, "<code>$1</code>");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${status} · ${message}</title>
<style>
:root { color-scheme: light dark; --ink: #16202c; --soft: #5b6b7d; --paper: #f6f8fa; --card: #fff; --line: #dde3ea; --mark: #d9480f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf3; --soft: #94a3b4; --paper: #0f151c; --card: #18212b; --line: #2a3644; --mark: #ff922b; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 24px; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { width: 100%; max-width: 34rem; padding: 32px; background: var(--card); border: 1px solid var(--line); border-radius: 14px; border-top: 4px solid var(--mark); overflow-wrap: anywhere; }
.status { margin: 0; color: var(--mark); font: 700 14px/1 ui-monospace, monospace; letter-spacing: .08em; }
h1 { margin: 12px 0; font-size: 24px; line-height: 1.25; }
p { margin: 0 0 12px; }
code { padding: 2px 6px; border-radius: 6px; background: var(--paper); border: 1px solid var(--line); font: 14px ui-monospace, monospace; }
footer { margin-top: 24px; padding-top: 16px; border-top: 1px solid var(--line); color: var(--soft); font-size: 13px; }
</style>
</head>
<body>
<main>
<p class="status">${status} ${escapeHtml(problem.code)}</p>
<h1>${message}</h1>
<p>${hint}</p>
<footer>Request <code>${escapeHtml(requestId)}</code></footer>
</main>
</body>
</html>
`;
}
