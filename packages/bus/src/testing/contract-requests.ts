import { expect, test } from "bun:test";
import { type ContractContext, code, until } from "./contract-rig.ts";
import { bytes, text } from "./text.ts";

let count = 0;

/** Questions and answers. */
export function contractOfRequests({ bus }: ContractContext): void {
  const subject = () => `ask.${++count}`;

  test("asks somebody who answers, in turns", async () => {
    const asked = subject();
    const answers = ["one", "two"].map((name) =>
      bus().respond(asked, "group", async (payload) => bytes(`${name} ${text(payload)}`)),
    );
    await using _a = await answers[0];
    await using _b = await answers[1];
    const heard = new Set<string>();
    await until(async () => {
      heard.add(text(await bus().request(asked, bytes("hears"), { timeoutMs: 5_000 })));
      return heard.size === 2;
    });
    expect([...heard].sort()).toEqual(["one hears", "two hears"]);
  });

  test("says that nobody answers", async () => {
    const asked = subject();
    expect(await code(bus().request(asked, bytes(""), { timeoutMs: 5_000 }))).toBe("NOT_FOUND");
    await using answering = await bus().respond(asked, "group", async () => bytes("yes"));
    expect(text(await bus().request(asked, bytes(""), { timeoutMs: 5_000 }))).toBe("yes");
    await answering[Symbol.asyncDispose]();
    expect(await code(bus().request(asked, bytes(""), { timeoutMs: 5_000 }))).toBe("NOT_FOUND");
  });

  test("says that no answer came in time, or that none could be given", async () => {
    const [slow, broken] = [subject(), subject()];
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    await using _a = await bus().respond(slow, "group", () => promise);
    await using _b = await bus().respond(broken, "group", async () => {
      throw new Error("broken");
    });
    expect(await code(bus().request(slow, bytes(""), { timeoutMs: 50 }))).toBe("BUS_UNAVAILABLE");
    expect(await code(bus().request(broken, bytes(""), { timeoutMs: 5_000 }))).toBe("BUS_UNAVAILABLE");
    resolve(bytes("late"));
  });
}
