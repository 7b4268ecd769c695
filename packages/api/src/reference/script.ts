/**
 * What makes the reference interactive: a form in each operation, which sends it with the key that was typed, or else with the
 * session's cookie. The browser runs it as it is; it writes text alone, never HTML.
 */
export const referenceScript = `
const found = fetch("/v1/openapi.json").then((response) => response.json());
const key = document.querySelector("#key");

function make(name, properties, ...inside) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...inside);
  return element;
}

function resolved(api, schema = {}) {
  return schema.$ref === undefined ? schema : api.components.schemas[schema.$ref.split("/").at(-1)];
}

// The least that a schema may take.
function sample(api, given) {
  const schema = resolved(api, given);
  for (const known of ["example", "default", "const"]) if (known in schema) return schema[known];
  if (schema.enum) return schema.enum[0];
  const among = schema.anyOf ?? schema.oneOf;
  if (among) return sample(api, among[0]);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((each) => sample(api, each)));
  const type = [schema.type].flat()[0];
  if (type === "object") {
    const wanted = Object.entries(schema.properties ?? {}).filter(([name]) => schema.required?.includes(name));
    return Object.fromEntries(wanted.map(([name, each]) => [name, sample(api, each)]));
  }
  return { string: "", array: [], boolean: false, integer: schema.minimum ?? 0, number: 0 }[type] ?? null;
}

function jsonField(label, value) {
  const text = make("textarea", { rows: 6, spellcheck: false, value: JSON.stringify(value, null, 2) });
  return { text, shown: make("label", {}, label, text) };
}

/** The fields of a body, and what they come to. */
function bodyOf(api, content = {}) {
  const [type] = Object.keys(content);
  if (type === undefined) return { shown: [], read: () => ({}) };
  const { schema } = content[type];
  if (type === "application/json") {
    const { text, shown } = jsonField("Body, JSON", sample(api, schema));
    return { shown: [shown], read: () => ({ type, body: text.value }) };
  }
  const isForm = type === "multipart/form-data";
  const files = make("input", { type: "file", multiple: isForm });
  const file = make("label", {}, isForm ? "Parts, each named as its file" : "Body, a file", files);
  if (!isForm) return { shown: [file], read: () => ({ type, body: files.files[0] ?? "" }) };
  const metadata = schema.properties?.metadata;
  const { text, shown } = jsonField("metadata, JSON", sample(api, metadata));
  return {
    shown: metadata === undefined ? [file] : [shown, file],
    read() {
      const body = new FormData();
      if (metadata !== undefined) body.set("metadata", text.value);
      for (const each of files.files) body.set(each.name, each);
      return { body };
    },
  };
}

function form(api, method, path, operation) {
  const fields = (operation.parameters ?? []).map((parameter) => {
    const input = make("input", { required: parameter.required === true, autocomplete: "off", spellcheck: false });
    return { ...parameter, input, shown: make("label", {}, parameter.name, input) };
  });
  const body = bodyOf(api, operation.requestBody?.content);
  const button = make("button", {}, "Send");
  const status = make("output", {});
  const answer = make("pre", { hidden: true, tabIndex: 0 });
  answer.setAttribute("aria-label", "Answer");
  const made = make("form", {}, ...fields.map(({ shown }) => shown), ...body.shown, button, " ", status, answer);
  let sent = new AbortController();
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    // A stream goes on until it is asked for again.
    sent.abort();
    sent = new AbortController();
    const { signal } = sent;
    const filled = fields.filter(({ input }) => input.value !== "");
    const of = (where) => filled.filter((field) => field.in === where).map(({ name, input }) => [name, input.value]);
    const at = Object.fromEntries(of("path"));
    const search = new URLSearchParams(of("query"));
    const url = path.replaceAll(/\\{(\\w+)\\}/g, (_, name) => encodeURIComponent(at[name])) + (search.size > 0 ? "?" + search : "");
    const headers = new Headers(of("header"));
    if (key.value !== "") headers.set("authorization", "Bearer " + key.value);
    const { type, body: content } = body.read();
    if (type !== undefined) headers.set("content-type", type);
    status.textContent = "…";
    answer.hidden = true;
    answer.textContent = "";
    try {
      const response = await fetch(url, { method, headers, body: content, signal });
      status.textContent = [response.status, response.statusText, response.headers.get("x-request-id")].filter(Boolean).join(" ");
      await show(response, answer);
    } catch (error) {
      if (!signal.aborted) status.textContent = String(error);
    }
  });
  return made;
}

// More of an answer than this is not shown.
const maxShown = 200_000;

async function show(response, answer) {
  if (response.body === null) return;
  answer.hidden = false;
  let text = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += part.value;
    answer.textContent = text;
    if (text.length > maxShown) {
      answer.textContent = text.slice(0, maxShown) + "\\n…";
      return await reader.cancel();
    }
  }
  if (response.headers.get("content-type")?.startsWith("application/json")) {
    answer.textContent = JSON.stringify(JSON.parse(text), null, 2);
  }
}

for (const operation of document.querySelectorAll("details[data-method]")) {
  operation.addEventListener("toggle", async () => {
    if (!operation.open || operation.querySelector("form") !== null) return;
    const { method, path } = operation.dataset;
    const api = await found;
    if (operation.querySelector("form") === null) {
      operation.querySelector("summary").after(form(api, method.toUpperCase(), path, api.paths[path][method]));
    }
  });
}

// A link leads into what is folded up.
function unfold() {
  const wanted = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (wanted?.tagName === "DETAILS") wanted.open = true;
}
addEventListener("hashchange", unfold);
unfold();
document.querySelector("#try").hidden = false;
`;
