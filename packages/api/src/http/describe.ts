import { OpenWorkersError } from "@openworkers/core";
import type { Context } from "hono";
import { referencePage, referencePolicy, type Document as Shown } from "../reference/page.ts";
import { referenceScript } from "../reference/script.ts";
import { type Document, documentOf, identityDocumentPath, joined } from "./openapi.ts";
import type { Api, Hosted } from "./route.ts";

const security = {
  bearer: {
    type: "http",
    scheme: "bearer",
    description: "An API key (`ow_…`), or the token of a session.",
  },
  session: {
    type: "apiKey",
    in: "cookie",
    name: "ow_session",
    description: "A session of a browser on the API's own origin.",
  },
} as const;

/** Serves the OpenAPI document of the whole API at `/v1/openapi.json`, and a page to read and try it at `/v1/reference`. */
export function describeApi(app: Api): void {
  for (const [name, scheme] of Object.entries(security)) {
    app.openAPIRegistry.registerComponent("securitySchemes", name, scheme);
  }
  let document: Document | undefined;
  const whole = async ({ env }: Context<Hosted>) => {
    document ??= joined(documentOf(app), await identityDocument(env));
    return document;
  };
  app.get("/v1/openapi.json", async (context) => described(JSON.stringify(await whole(context)), json));
  app.get("/v1/reference", async (context) =>
    described(await referencePage((await whole(context)) as unknown as Shown), page),
  );
  app.get("/v1/reference.js", () => described(referenceScript, script));
}

const json = { "content-type": "application/json" };
const script = { "content-type": "text/javascript; charset=utf-8" };
const page = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": referencePolicy,
  "referrer-policy": "no-referrer",
};

function described(text: string, headers: Readonly<Record<string, string>>): Response {
  return new Response(text, { headers: { ...headers, "cache-control": "public, max-age=300" } });
}

async function identityDocument({ IDENTITY, BASE_URL }: Hosted["Bindings"]): Promise<Document> {
  const answer = await IDENTITY.fetch(new Request(BASE_URL + identityDocumentPath));
  if (answer.ok) return (await answer.json()) as Document;
  throw new OpenWorkersError("INTERNAL", `Sign-in answered ${answer.status} when it was to describe itself.`);
}
