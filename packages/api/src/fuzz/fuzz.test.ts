import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { openApiDocument } from "../document.ts";
import { Judge } from "./judge.ts";
import { type Operation, operationsOf } from "./operations.ts";
import { type FuzzedRequest, plainRequest, requestOf } from "./request.ts";
import { elsewhere, successes } from "./successes.ts";
import { World } from "./world.ts";

// FUZZ_RUNS=500 npx bun test --timeout 600000 packages/api/src/fuzz looks longer; FUZZ_SEED elsewhere.
const numRuns = Number(process.env.FUZZ_RUNS ?? 10);
const seed = Number(process.env.FUZZ_SEED ?? 20_261_123);

const document = openApiDocument();
const components = document.components ?? {};
const operations = operationsOf(document);
const judge = new Judge(document);
const succeeded = new Set<string>();

let world: World;
beforeAll(async () => {
  world = await World.open();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

/** Sends a request, and expects an answer as the document has it. */
async function check(operation: Operation, request: FuzzedRequest): Promise<void> {
  const answer = await world.send(operation, request);
  if (answer.status < 400) succeeded.add(operation.name);
  const faults = judge.faults(operation, answer);
  if (request.caller === "nobody" && !operation.open && answer.status !== 401) {
    faults.push(`${answer.status} to nobody`);
  }
  expect(faults, `${operation.name} answered ${answer.status} ${answer.text.slice(0, 500)}`).toEqual([]);
  if (operation.method !== "GET" && answer.status < 300) await world.mend();
}

describe("whatever it is sent, it answers as its document says:", () => {
  test.each(operations.map((operation) => [operation.name, operation] as const))(
    "%s",
    async (_, operation) => {
      const property = (arbitrary: fc.Arbitrary<FuzzedRequest>) =>
        fc.asyncProperty(arbitrary, (request) => check(operation, request));
      await fc.assert(property(plainRequest(operation, components)), {
        seed,
        numRuns: Math.ceil(numRuns / 4),
      });
      await fc.assert(property(requestOf(operation, components)), { seed, numRuns });
    },
  );
});

describe("sent what it is for, it succeeds:", () => {
  test.each(Object.keys(successes))("%s", async (name) => {
    const operation = operations.find((each) => each.name === name);
    if (operation === undefined) throw new Error("there is no such operation");
    await world.mend();
    const { status, headers, body } = (await successes[name]?.(world)) ?? {};
    if (status === undefined || headers === undefined) throw new Error("it was not asked");
    const text = typeof body === "string" ? body : JSON.stringify(body);
    expect(status, text).toBeLessThan(400);
    expect(judge.faults(operation, { status, headers, text })).toEqual([]);
    succeeded.add(name);
  });
});

test("every operation has succeeded, but for those that are known not to", () => {
  const never = operations.flatMap(({ name }) => (succeeded.has(name) ? [] : [name]));
  expect(never.toSorted()).toEqual(Object.keys(elsewhere).toSorted());
});
