import { createHash } from "node:crypto";
import { html, raw } from "hono/html";

interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: "email" | "password" | "text";
  readonly autocomplete: string;
  readonly minLength?: number;
}

interface Page {
  readonly title: string;
  /** Where the form's fields are sent, as JSON. */
  readonly action: string;
  readonly hidden: Readonly<Record<string, string>>;
  readonly fields: readonly Field[];
  readonly button: string;
  readonly done: string;
}

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}
label{display:block;margin:1rem 0}input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem}
button{font:inherit;padding:.5rem 1.5rem}`;

const script = `const form=document.forms[0],out=document.querySelector("output");
form.addEventListener("submit",async event=>{event.preventDefault();
const response=await fetch(form.action,{method:"POST",headers:{"content-type":"application/json"},
body:JSON.stringify(Object.fromEntries(new FormData(form)))});
if(response.ok){form.remove();out.textContent=form.dataset.done;history.replaceState(null,"",location.pathname)}
else{const{error}=await response.json();out.textContent=error.message+(error.hint?" "+error.hint:"")}});`;

const digest = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** A small page of our own with one form, for links that people open while there is no dashboard. */
export async function page({ title, action, hidden, fields, button, done }: Page): Promise<Response> {
  const body = await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${raw(style)}</style>
</head>
<body>
<h1>${title}</h1>
<form action="${action}" method="post" data-done="${done}">
${Object.entries(hidden).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
${fields.map(
  ({ name, label, type, autocomplete, minLength }) =>
    html`<label>${label}<input name="${name}" type="${type}" autocomplete="${autocomplete}" required minlength="${minLength ?? 1}"></label>`,
)}
<button>${button}</button>
</form>
<output></output>
<script>${raw(script)}</script>
</body>
</html>
`;
  return new Response(String(body), {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      // The address holds a token.
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "content-security-policy": [
        "default-src 'none'",
        `style-src ${digest(style)}`,
        `script-src ${digest(script)}`,
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ].join("; "),
    },
  });
}
