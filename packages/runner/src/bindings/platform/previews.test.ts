import { afterAll, beforeAll, expect, test } from "bun:test";
import { maxPreviewAnswerBytes, type PreviewAnswer } from "@openworkers/core";
import { deployVersion } from "@openworkers/db";
import { type PlatformRig, platformRig, type TestPerson } from "./testing/platform-rig.ts";

interface Sent {
  readonly label: string;
  readonly path: string;
  readonly method: string | undefined;
  readonly headers: Headers;
  readonly body: string;
}

const sent: Sent[] = [];
let answer: () => Response = () => new Response("hello");
let rig: PlatformRig;
let ada: TestPerson;
let eve: TestPerson;
let workerId: string;
beforeAll(async () => {
  rig = await platformRig({
    preview: async (label, path, { method, headers, body }) => {
      sent.push({ label, path, method, headers, body: String(body ?? "") });
      return answer();
    },
  });
  ada = await rig.person("ada");
  eve = await rig.person("eve");
  const deployed = await deployVersion(rig.own.database, {
    worker: "shop",
    by: ada.id,
    code: {
      modules: [
        { name: "index.js", type: "esModule", content: new TextEncoder().encode("export default {}") },
      ],
      compatibilityDate: "2026-11-01",
      compatibilityFlags: [],
      sourceMaps: new Map(),
    },
  });
  workerId = deployed.workerId;
}, 60_000);
afterAll(() => rig[Symbol.asyncDispose]());

const ask = (body: unknown, by: TestPerson | string | undefined = ada) =>
  rig.ask(`/workers/${workerId}/preview`, by, { method: "POST", body: JSON.stringify(body) });
const told = async (body: unknown) => (await (await ask(body)).json()) as PreviewAnswer;
const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code;

test("a preview is sent as it was asked for, and its answer told", async () => {
  answer = () =>
    new Response(new Uint8Array([0, 255]), { status: 418, headers: { "x-request-id": "r1", a: "b" } });
  const body = Buffer.from("the body").toString("base64");
  const headers = [
    ["X-One", "1"],
    ["x-one", "2"],
    ["Authorization", "Bearer of-the-worker"],
  ];
  expect(await told({ method: "PUT", path: "/a?b=c", headers, body })).toMatchObject({
    requestId: "r1",
    status: 418,
    headers: expect.arrayContaining([["a", "b"]]),
    body: "AP8=",
    truncated: false,
  });
  const [last] = sent.slice(-1);
  expect(last).toMatchObject({ label: "shop", path: "/a?b=c", method: "PUT", body: "the body" });
  expect(last?.headers.get("x-one")).toBe("1, 2");
  expect(last?.headers.get("authorization")).toBe("Bearer of-the-worker");
  await told({ method: "GET", path: "/", version: 3 });
  expect(sent.at(-1)?.label).toBe("3--shop");
});

test("a preview carries no credential of its caller's, and says nothing of where it comes from", async () => {
  answer = () => new Response();
  const claims = [
    "Host",
    "X-Forwarded-For",
    "x-request-id",
    "CF-Connecting-IP",
    "Forwarded",
    "Upgrade",
    "Connection",
    "Expect",
  ];
  await told({ method: "GET", path: "/", headers: claims.map((name) => [name, "claimed"]) });
  expect([...(sent.at(-1)?.headers.keys() ?? [])].sort()).toEqual(["accept-encoding", "user-agent"]);
});

test("only who may deploy a worker may preview it, and nobody learns of others'", async () => {
  const before = sent.length;
  const reader = rig.credential(ada, ["workers:read"]);
  expect(await codeOf(await ask({ method: "GET", path: "/" }, reader))).toBe("FORBIDDEN");
  expect(await codeOf(await ask({ method: "GET", path: "/" }, eve))).toBe("NOT_FOUND");
  expect(await codeOf(await ask({ method: "GET", path: "/" }, "ow_wrong"))).toBe("UNAUTHORIZED");
  expect(sent).toHaveLength(before);
});

test("what is no request is refused with the field", async () => {
  const before = sent.length;
  const wrong: [object, string][] = [
    [{ method: "GET", path: "http://elsewhere/" }, "path"],
    [{ method: "get", path: "/" }, "method"],
    [{ method: "GET", path: "/", body: "AA==" }, "body"],
    [{ method: "GET", path: "/", headers: [["a", "b\r\nc: d"]] }, "headers"],
  ];
  for (const [request, path] of wrong) {
    const response = await ask(request);
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { details: { issues: [{ path }] } },
    ]);
  }
  expect(sent).toHaveLength(before);
});

test("an answer without end is told as far as it came, and the worker sees its client leave", async () => {
  const left = Promise.withResolvers<void>();
  answer = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(300_000)),
        cancel: () => left.resolve(),
      }),
    );
  const { body, truncated } = await told({ method: "GET", path: "/" });
  expect([Buffer.from(body, "base64").length, truncated]).toEqual([maxPreviewAnswerBytes, true]);
  await left.promise;
});
