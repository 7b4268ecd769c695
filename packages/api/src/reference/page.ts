import { createHash } from "node:crypto";
import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly [key: string]: unknown;
}

interface Operation {
  readonly tags?: readonly string[];
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema?: Schema;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> };
  readonly responses?: Readonly<
    Record<
      string,
      {
        readonly description?: string;
        readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
      }
    >
  >;
}

/** An OpenAPI document, as far as the page shows it. */
export interface Document {
  readonly info: { readonly title: string; readonly description?: string };
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
html { background: light-dark(#fff, #16181d); color: light-dark(#1b1e25, #e4e7ec) }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; overflow-wrap: anywhere }
a { color: light-dark(#0a53b8, #9dc3ff) }
code, pre { font: 0.875rem/1.4 ui-monospace, monospace }
pre { overflow-x: auto; padding: 0.75rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: 0.375rem }
details { border-top: 1px solid color-mix(in srgb, currentColor 15%, transparent); padding: 0.375rem 0 }
summary { cursor: pointer } summary b { display: inline-block; min-width: 4rem }
table { border-collapse: collapse } td, th { text-align: left; padding: 0.125rem 1rem 0.125rem 0; vertical-align: top }
td:first-child { white-space: nowrap }
nav { columns: 12rem }
form { margin: 0.75rem 0; padding: 0.75rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: 0.375rem }
label { display: block; margin-bottom: 0.5rem }
input:not([type=file]), textarea { display: block; box-sizing: border-box; width: 100%; padding: 0.375rem; font: 0.875rem/1.4 ui-monospace, monospace }
button { padding: 0.25rem 1.25rem; font: inherit }
form pre { max-height: 30rem; overflow: auto }
`;

/** What the page may load and run: its own style, by its hash, the API's script, and what that asks of the API. */
export const referencePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "script-src 'self'",
  "connect-src 'self'",
  "require-trusted-types-for 'script'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A page that tells of every route and schema of `document`, and with `/v1/reference.js` lets one try them. */
export async function referencePage(document: Document): Promise<string> {
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
  const byTag = Map.groupBy(operations, ({ operation }) => operation.tags?.[0] ?? "Other");
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${document.info.title} API</title>
<style>${raw(style)}</style>
<script type="module" src="/v1/reference.js"></script>
</head>
<body>
<h1>${document.info.title} API</h1>
<p>${document.info.description ?? ""} The same for programs: <a href="/v1/openapi.json">openapi.json</a>.</p>
<label id="try" hidden>API key, or a session's token; this page keeps it until it is closed, and without it sends the session of this browser
<input id="key" type="password" autocomplete="off" spellcheck="false"></label>
<nav>${[...byTag.keys()].map((tag) => html`<div><a href="#${slug(tag)}">${tag}</a></div>`)}<div><a href="#schemas">Schemas</a></div></nav>
${[...byTag].map(([tag, all]) => html`<h2 id="${slug(tag)}">${tag}</h2>${all.map(shownOperation)}`)}
<h2 id="schemas">Schemas</h2>
${Object.entries(document.components?.schemas ?? {}).map(
  ([name, schema]) =>
    html`<details id="schema-${name}"><summary><code>${name}</code></summary>${shownSchema(schema)}</details>`,
)}
</body>
</html>`;
  return String(await page);
}

function shownOperation({
  path,
  method,
  operation,
}: {
  path: string;
  method: string;
  operation: Operation;
}): Shown {
  const { summary = "", description, parameters = [], requestBody, responses = {} } = operation;
  return html`<details id="${operation.operationId ?? ""}" data-method="${method}" data-path="${path}">
<summary><b>${method.toUpperCase()}</b> <code>${path}</code> ${prose(summary)}</summary>
${description === undefined ? "" : html`<p>${prose(description)}</p>`}
${parameters.length === 0 ? "" : html`<table>${parameters.map((parameter) => html`<tr><td><code>${parameter.name}</code></td><td>${parameter.in}${parameter.required === true ? ", required" : ""}</td><td>${prose(parameter.description)}</td></tr>`)}</table>`}
${Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => html`<p>Body, <code>${type}</code>:</p>${shownSchema(schema)}`)}
<table>${Object.entries(responses).map(([status, response]) => html`<tr><td>${status}</td><td>${prose(response.description)}</td></tr>`)}</table>
${Object.entries(responses)
  .filter(([status]) => status.startsWith("2"))
  .flatMap(([, { content = {} }]) => Object.entries(content))
  .map(([type, { schema }]) => html`<p>Answer, <code>${type}</code>:</p>${shownSchema(schema)}`)}
</details>`;
}

/** What stands between backticks is code. */
function prose(text = ""): Shown[] {
  return text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

type Shown = HtmlEscapedString | Promise<HtmlEscapedString>;

function shownSchema(schema: Schema | undefined): Shown {
  const name = schema?.$ref?.split("/").at(-1);
  if (name !== undefined) return html`<p><a href="#schema-${name}"><code>${name}</code></a></p>`;
  return html`<pre tabindex="0">${JSON.stringify(schema ?? {}, null, 2)}</pre>`;
}

function slug(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}
