import { createHash } from "node:crypto";
import { encodePayload, newId, type QueueId, queueBusId, queueSubject } from "@openworkers/core";
import { setupToken } from "../identity/testing/in-process.ts";
import { totp } from "../identity/testing/totp.ts";
import { type Answer, type Ask, type Person, uploadForm } from "../testing/api.ts";
import { password, type World } from "./world.ts";

type Success = (world: World) => Promise<Answer>;

/**
 * How each operation is asked whose success takes more than a request that is valid by its schema: a token that was
 * handed out before, something to delete that nothing needs.
 */
export const successes: Readonly<Record<string, Success>> = {
  "POST /v1/auth/sign-up": (world) =>
    post(world, "/auth/sign-up", { email: world.newEmail(), password }, undefined),
  "POST /v1/auth/sign-up/invitation": async (world) => {
    const { token: invitation } = await invited(world);
    return post(world, "/auth/sign-up/invitation", { invitation }, undefined);
  },
  "POST /v1/auth/sign-up/invitation/mail": async (world) => {
    const { token: invitation } = await invited(world);
    return post(world, "/auth/sign-up/invitation/mail", { invitation }, undefined);
  },
  "POST /v1/auth/sign-up/invited": async (world) => {
    const { token: invitation } = await invited(world);
    return post(world, "/auth/sign-up/invited", { invitation, password }, undefined);
  },
  "POST /v1/auth/setup": async (world) => {
    const token = await setupToken(world.api.database);
    return post(world, "/auth/setup", { token, email: world.newEmail(), password }, undefined);
  },
  "POST /v1/auth/sign-in": async (world) => {
    const { email } = await person(world);
    return post(world, "/auth/sign-in", { email, password }, undefined);
  },
  "POST /v1/auth/password/reset": async (world) => {
    const { email } = await person(world);
    const { url } = made(await post(world, "/system/reset-links", { email }, world.api.operator));
    const token = new URL(url).searchParams.get("token");
    return post(world, "/auth/password/reset", { token, newPassword: "another horse battery" }, undefined);
  },
  "POST /v1/auth/two-factor/confirm": async (world) => (await twoFactor(world)).confirmed,
  "POST /v1/auth/two-factor/recovery-codes": async (world) =>
    post(world, "/auth/two-factor/recovery-codes", { password }, (await twoFactor(world)).token),
  "POST /v1/auth/two-factor/disable": async (world) =>
    post(world, "/auth/two-factor/disable", { password }, (await twoFactor(world)).token),
  "POST /v1/auth/sign-in/second-factor": async (world) => {
    const { email, secret } = await twoFactor(world);
    const begun = made(await post(world, "/auth/sign-in?token=true", { email, password }, undefined));
    const { challenge } = begun.twoFactor;
    // Each code is good once, and that of this moment has turned it on.
    return post(world, "/auth/sign-in/second-factor", { challenge, code: totp(secret, 1) }, undefined);
  },
  "GET /v1/workers/{worker}/versions/{version}/source-map": (world) =>
    ask(world, "/workers/fuzzed-worker/versions/1/source-map?name=index.js", {}),
  "POST /v1/workers/{worker}/versions": async (world) =>
    ask(world, "/workers/fuzzed-worker/versions", { method: "POST", body: uploadForm() }),
  "POST /v1/assets": (world) => {
    const content = "a static file";
    const body = new FormData();
    body.set(createHash("sha256").update(content).digest("hex"), new Blob([content]));
    return ask(world, "/assets", { method: "POST", body });
  },
  "POST /v1/domains/{hostname}/verify": async (world) => {
    const hostname = "proven.example.com";
    const { verification } = made(await post(world, "/workers/fuzzed-worker/domains", { hostname }));
    world.api.records.set(verification.name, [[verification.value]]);
    return post(world, `/domains/${hostname}/verify`, undefined);
  },
  "DELETE /v1/kv/{namespace}": (world) => deletedSpare(world, "kv"),
  "DELETE /v1/storage/{bucket}": (world) => deletedSpare(world, "storage"),
  "DELETE /v1/databases/{database}": (world) => deletedSpare(world, "databases"),
  "GET /v1/databases/{database}/deletion": async (world) => {
    const { id } = made(await post(world, "/databases?account=fuzzed", { name: `spare-${newId()}` }));
    made(await ask(world, `/databases/${id}`, { method: "DELETE" }));
    return ask(world, `/databases/${id}/deletion`, {});
  },
  "DELETE /v1/queues/{queue}": (world) => deletedSpare(world, "queues"),
  "PUT /v1/signed/{token}": async (world) => {
    const path = `/storage/${world.known.bucket}/signed`;
    const { url } = made(await post(world, path, { key: "known-key", method: "PUT" }));
    return ask(world, new URL(url).pathname, {
      method: "PUT",
      body: "x",
      headers: { "content-length": "1", "content-type": "text/plain" },
      as: undefined,
    });
  },
  "POST /v1/queues/{queue}/messages": (world) =>
    post(world, `/queues/${world.known.queue}/messages`, { body: { a: 1 } }),
  "DELETE /v1/queues/{queue}/messages/{position}": async (world) => {
    await put(world);
    const { items } = made(await ask(world, `/queues/${world.known.queue}/messages`, {}));
    const path = `/queues/${world.known.queue}/messages/${items[0].position}`;
    return ask(world, path, { method: "DELETE" });
  },
  "POST /v1/queues/{queue}/replay": async (world) => {
    await put(world);
    const { id } = made(await post(world, "/queues?account=fuzzed", { name: `to-${newId()}` }));
    return post(world, `/queues/${world.known.queue}/replay`, { to: id });
  },
  "DELETE /v1/accounts/{account}": async (world) => {
    const { id } = made(await post(world, "/accounts", { name: `spare-${newId().slice(-12)}` }));
    return ask(world, `/accounts/${id}`, { method: "DELETE" });
  },
  "POST /v1/invitations/accept": async (world) => {
    const [{ token }, { token: as }] = [await invited(world), await person(world)];
    return post(world, "/invitations/accept", { token }, as);
  },
  "POST /v1/system/reset-links": async (world) => {
    const { email } = await person(world);
    return post(world, "/system/reset-links", { email }, world.api.operator);
  },
};

/** Operations that do not succeed here, and why. */
export const elsewhere: Readonly<Record<string, string>> = {
  "GET /v1/auth/github": "takes a GitHub: identity/routes/github.test.ts",
  "DELETE /v1/auth/github": "takes a GitHub: identity/routes/github.test.ts",
  "POST /v1/auth/github/link": "takes a GitHub: identity/routes/github.test.ts",
  "GET /v1/auth/callback/github": "takes a GitHub: identity/routes/github.test.ts",
  "POST /v1/auth/email/verify": "its token is in a mail, sealed: identity/routes/sign-up.test.ts",
};

function ask({ api, nextAddress }: World, path: string, options: Ask): Promise<Answer> {
  const headers = { ...options.headers, "cf-connecting-ip": nextAddress() };
  return api.ask(path, { as: api.ada, ...options, headers });
}

function post(
  world: World,
  path: string,
  json: object | undefined,
  as: Person | string | undefined = path.startsWith("/auth/") ? undefined : world.api.ada,
): Promise<Answer> {
  return ask(world, path, { method: "POST", as, ...(json === undefined ? {} : { json }) });
}

/** What came, when it is what was wanted. */
function made({ status, body }: Answer): Answer["body"] {
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
}

async function invited(world: World): Promise<{ readonly token: string }> {
  return made(await post(world, "/accounts/fuzzed/invitations", { email: world.newEmail(), role: "viewer" }));
}

async function person(world: World): Promise<{ readonly email: string; readonly token: string }> {
  const email = world.newEmail();
  const token = await setupToken(world.api.database);
  const setup = { token, email, password };
  const signedIn = made(await post(world, "/auth/setup?token=true", setup, undefined));
  return { email, token: signedIn.token };
}

async function twoFactor(world: World) {
  const { email, token } = await person(world);
  const { secret } = made(await post(world, "/auth/two-factor", { password }, token));
  const code = totp(secret);
  const confirmed = await post(world, "/auth/two-factor/confirm", { code }, token);
  return { email, secret: String(secret), confirmed, token: String(made(confirmed).token) };
}

async function deletedSpare(world: World, kind: string): Promise<Answer> {
  const name = `spare-${newId().slice(-12)}`;
  const { id } = made(await post(world, `/${kind}?account=fuzzed`, { name }));
  return ask(world, `/${kind}/${id}`, { method: "DELETE" });
}

/** Puts a message into the queue, as a worker does. */
async function put({ api, known }: World): Promise<void> {
  const queueId = known.queue as QueueId;
  const message = {
    ...{ v: 1 as const, id: newId<"queue-message">(), queueId, sentAt: Date.now(), attempts: 0 },
    ...{ contentType: "json" as const, body: Buffer.from("{}").toString("base64") },
  };
  await api.bus.publish(queueSubject(queueId), encodePayload(message), { id: queueBusId(message) });
}
