import { expect, test } from "bun:test";
import { S3Client } from "./s3-client.ts";
import { deleteObjects } from "./s3-delete.ts";

const keysIn = (text: string) => [...text.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key ?? "");

/** A server that says of each asked key what `answer` does, and remembers what it was asked. No real one fails on demand. */
function failing(answer: (asked: number) => string) {
  const asked: string[][] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const keys = keysIn(await request.text());
      asked.push(keys);
      const code = answer(asked.length);
      const errors = code === "" ? "" : `<Error><Key>${keys[0]}</Key><Code>${code}</Code></Error>`;
      return new Response(`<?xml version="1.0"?><DeleteResult>${errors}</DeleteResult>`);
    },
  });
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${server.port}`,
    region: "here",
    bucket: "bucket",
    accessKeyId: "id",
    secretAccessKey: "secret",
  });
  return { client, asked, [Symbol.asyncDispose]: () => server.stop(true) };
}

test("keys that a server fails to delete by its own fault are deleted again, and no others", async () => {
  await using server = failing((asked) => (asked === 1 ? "InternalError" : ""));
  await deleteObjects(server.client, ["a", "b", "c"]);
  expect(server.asked).toEqual([["a", "b", "c"], ["a"]]);
});

test("a server that goes on failing is an error after three attempts", async () => {
  await using server = failing(() => "SlowDown");
  await expect(deleteObjects(server.client, ["a", "b"])).rejects.toThrow("SlowDown");
  expect(server.asked).toHaveLength(3);
});

test("a refusal is an error at once", async () => {
  await using server = failing(() => "AccessDenied");
  await expect(deleteObjects(server.client, ["a", "b"])).rejects.toThrow();
  expect(server.asked).toHaveLength(1);
});
