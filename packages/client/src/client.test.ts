import { afterEach, describe, expect, test } from "bun:test";
import { isOpenWorkersError } from "@openworkers/core/errors";
import { ApiClient, ApiError, itemsOf, once } from "./mod.ts";

type Answer = (request: Request, count: number) => Response | Promise<Response>;

let stop: (() => Promise<void>) | undefined;
afterEach(async () => {
  await stop?.();
  stop = undefined;
});

/** A client of a server that answers as it is told, and what the server was sent. */
function serving(answer: Answer, token: string | undefined = "ow_key") {
  // Read at once: a request's headers are gone with its answer.
  const requests: { readonly authorization: string | null; readonly path: string }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname: path } = new URL(request.url);
      requests.push({ authorization: request.headers.get("authorization"), path });
      return answer(request, requests.length);
    },
  });
  stop = () => server.stop(true);
  const url = `http://127.0.0.1:${server.port}/`;
  return { client: new ApiClient({ url, ...(token === undefined ? {} : { token }) }), requests };
}

async function thrown(work: Promise<unknown>): Promise<ApiError> {
  const reason = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (reason instanceof ApiError) return reason;
  throw new Error(`expected an ApiError, got ${reason}`);
}

const failure = (status: number, error: object, headers: Record<string, string> = {}) =>
  Response.json({ error }, { status, headers });

describe("an error of the API", () => {
  test("is thrown with its code, message, hint, details and the request's id", async () => {
    const { client } = serving(() =>
      failure(409, {
        code: "CONFLICT",
        message: "taken",
        hint: "another",
        details: { a: 1 },
        requestId: "r1",
      }),
    );
    const error = await thrown(client.fetch("/v1/x", { method: "POST" }));
    expect(isOpenWorkersError(error, "CONFLICT")).toBe(true);
    expect<object>({ ...error.toJSON(), requestId: error.requestId, httpStatus: error.httpStatus }).toEqual({
      code: "CONFLICT",
      message: "taken",
      hint: "another",
      details: { a: 1 },
      requestId: "r1",
      httpStatus: 409,
    });
  });

  test("whose code is not known, or that a proxy made, has the nearest code and its own words", async () => {
    const cases: [() => Response, Partial<Record<keyof ApiError, unknown>>][] = [
      [() => failure(404, { code: "GONE_FISHING", message: "m" }), { code: "NOT_FOUND", message: "m" }],
      [() => failure(418, { code: "toString", message: "m" }), { code: "INVALID_INPUT", message: "m" }],
      [
        () => new Response("<h1>Bad Gateway</h1>", { status: 502 }),
        { code: "OVERLOADED", message: "The API answered 502: <h1>Bad Gateway</h1>" },
      ],
      [
        () => new Response(null, { status: 500, headers: { "x-request-id": "r2" } }),
        { code: "INTERNAL", requestId: "r2" },
      ],
      [() => Response.json([null], { status: 401 }), { code: "UNAUTHORIZED" }],
      [() => Response.json({ error: { message: 7 } }, { status: 403 }), { code: "FORBIDDEN" }],
    ];
    for (const [answer, expected] of cases) {
      const { client } = serving(answer);
      expect(await thrown(client.fetch("/v1/x", { method: "POST" }))).toMatchObject(expected);
      await stop?.();
    }
  });

  test("is NOT_FOUND when nobody answers", async () => {
    const { client } = serving(() => new Response());
    await stop?.();
    const error = await thrown(client.fetch("/v1/x", { method: "POST" }));
    expect(error).toMatchObject({ code: "NOT_FOUND", httpStatus: 0 });
    expect(error.message).toContain("does not answer");
  });
});

describe("a request", () => {
  test("carries the token, and none without one", async () => {
    const { client, requests } = serving(() => Response.json({}));
    await client.fetch("/v1/x");
    expect(requests).toEqual([{ authorization: "Bearer ow_key", path: "/v1/x" }]);
    await stop?.();
    const anonymous = serving(() => Response.json({}), "");
    await new ApiClient({ url: anonymous.client.url }).fetch("/v1/x");
    expect(anonymous.requests).toEqual([{ authorization: null, path: "/v1/x" }]);
  });

  test("about a name that would lead elsewhere is not sent", async () => {
    const { client, requests } = serving(() => Response.json({}));
    for (const worker of ["", ".", ".."]) {
      const asked = client.api.DELETE("/v1/workers/{worker}", { params: { path: { worker } } });
      expect(await thrown(asked)).toMatchObject({ code: "INVALID_INPUT" });
    }
    expect(requests).toEqual([]);
    await client.api.DELETE("/v1/workers/{worker}", { params: { path: { worker: "../keys" } } });
    expect(requests.map(({ path }) => path)).toEqual(["/v1/workers/..%2Fkeys"]);
  });

  test("that changes nothing, or happens once, is sent again when it fails for a moment", async () => {
    for (const init of [{}, { method: "POST", headers: once(), body: "the body" }]) {
      const bodies: string[] = [];
      const { client } = serving(async (request, count) => {
        bodies.push(await request.text());
        return count < 3
          ? failure(503, { code: "OVERLOADED", message: "m" }, { "retry-after": "0" })
          : Response.json({});
      });
      expect((await client.fetch("/v1/x", init)).ok).toBe(true);
      expect(bodies).toEqual(Array(3).fill(init.body ?? ""));
      await stop?.();
    }
  });

  test("that may have changed something is sent once", async () => {
    for (const method of ["POST", "PATCH", "PUT", "DELETE"]) {
      const { client, requests } = serving(() => failure(503, { code: "OVERLOADED", message: "m" }));
      expect((await thrown(client.fetch("/v1/x", { method }))).code).toBe("OVERLOADED");
      expect({ method, sent: requests.length }).toEqual({ method, sent: 1 });
      await stop?.();
    }
  });

  test("is not sent for ever, nor again after an error that stays, nor after so long as is asked for", async () => {
    const cases: [Answer, number][] = [
      [() => failure(503, { code: "OVERLOADED", message: "m" }, { "retry-after": "0" }), 3],
      [() => failure(404, { code: "NOT_FOUND", message: "m" }), 1],
      [() => failure(429, { code: "OVERLOADED", message: "m" }, { "retry-after": "3600" }), 1],
    ];
    for (const [answer, sent] of cases) {
      const { client, requests } = serving(answer);
      await thrown(client.fetch("/v1/x"));
      expect(requests).toHaveLength(sent);
      await stop?.();
    }
  });

  test("that waits to be sent again ends when it is aborted", async () => {
    const controller = new AbortController();
    const { client } = serving(() => {
      controller.abort();
      return failure(503, { code: "OVERLOADED", message: "m" }, { "retry-after": "9" });
    });
    const asked = client.fetch("/v1/x", { signal: controller.signal });
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
  });
});

test("a list is read page by page, and no further than it is taken", async () => {
  const asked: (string | undefined)[] = [];
  const read = async ({ cursor }: { cursor?: string }) => {
    asked.push(cursor);
    const at = Number(cursor ?? 0);
    return { items: [at, at + 1], nextCursor: at < 4 ? String(at + 2) : null };
  };
  expect(await Array.fromAsync(itemsOf(read))).toEqual([0, 1, 2, 3, 4, 5]);
  expect(asked).toEqual([undefined, "2", "4"]);
  for await (const item of itemsOf(read)) if (item === 1) break;
  expect(asked).toHaveLength(4);
});
