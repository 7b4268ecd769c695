import { expect, test } from "bun:test";
import { type ContractContext, code, on, Seen, testConsumer, until } from "./contract-rig.ts";
import { bytes, text } from "./text.ts";

/** What is stored of what is published. */
export function contractOfPublish({ bus, stream }: ContractContext): void {
  test("gives each message the next position", async () => {
    const t = await stream();
    expect(await bus().publish(on(t, "a"), bytes("1"), { id: "1" })).toEqual({ seq: 1, duplicate: false });
    expect(await bus().publish(on(t, "b"), bytes("2"), { id: "2" })).toEqual({ seq: 2, duplicate: false });
    expect(await bus().streamState(t.name)).toMatchObject({ messages: 2, firstSeq: 1, lastSeq: 2 });
  });

  test("stores a message once that is published twice at the same moment", async () => {
    const t = await stream();
    const twice = await Promise.all([1, 2].map(() => bus().publish(on(t, "a"), bytes("x"), { id: "same" })));
    expect(twice.map(({ seq }) => seq)).toEqual([1, 1]);
    expect(twice.filter(({ duplicate }) => duplicate)).toHaveLength(1);
    expect((await bus().streamState(t.name)).messages).toBe(1);
  });

  test("takes a message again whose id it has had time to forget", async () => {
    const t = await stream({ dedupeMs: 200 });
    expect((await bus().publish(on(t, "a"), bytes("x"), { id: "same" })).duplicate).toBe(false);
    expect((await bus().publish(on(t, "a"), bytes("x"), { id: "same" })).duplicate).toBe(true);
    await until(async () => !(await bus().publish(on(t, "a"), bytes("x"), { id: "same" })).duplicate);
    expect((await bus().streamState(t.name)).messages).toBe(2);
  });

  test("remembers the id of a message that was consumed", async () => {
    const t = await stream({ retention: "work" });
    await bus().publish(on(t, "a"), bytes("x"), { id: "once" });
    await using _ = await bus().consume(testConsumer(t), async () => {});
    await until(async () => (await bus().streamState(t.name)).messages === 0);
    expect(await bus().publish(on(t, "a"), bytes("x"), { id: "once" })).toEqual({ seq: 1, duplicate: true });
  });

  test("keeps a payload as it was when it was published", async () => {
    const t = await stream();
    const payload = bytes("before");
    const published = bus().publish(on(t, "a"), payload, { id: "1" });
    payload.fill(0);
    await published;
    const signal = AbortSignal.timeout(20_000);
    for await (const message of bus().follow({ stream: t.name, subject: t.subject, after: 0, signal })) {
      expect(text(message.payload)).toBe("before");
      break;
    }
  });

  test("refuses what no stream takes, and what is no subject or id", async () => {
    const t = await stream();
    expect(await code(bus().publish("nobody.takes.this", bytes(""), { id: "1" }))).toBe("INVALID_INPUT");
    for (const subject of ["", "a b", on(t, "*"), on(t, ">"), on(t, "a."), `${on(t, "a")}\r\nPUB x 0`]) {
      expect(await code(bus().publish(subject, bytes(""), { id: "1" }))).toBe("INVALID_INPUT");
    }
    for (const id of ["", "a b", "a\r\nb", "x".repeat(129)]) {
      expect(await code(bus().publish(on(t, "a"), bytes(""), { id }))).toBe("INVALID_INPUT");
    }
    expect((await bus().streamState(t.name)).messages).toBe(0);
  });

  test("takes a payload of the largest size with each of its bytes, and none that is larger", async () => {
    const t = await stream({ maxMessageBytes: 2 ** 20 - 1_000 });
    const large = new Uint8Array(t.maxMessageBytes).map((_, at) => at % 251);
    await bus().publish(on(t, "a"), large, { id: "1" });
    const seen = new Seen();
    await using _ = await bus().consume(testConsumer(t), async (message) => seen.add(message));
    expect(Bun.hash((await seen.atLeast(1))[0]?.payload ?? "")).toBe(Bun.hash(large));
    const larger = new Uint8Array(t.maxMessageBytes + 1);
    expect(await code(bus().publish(on(t, "a"), larger, { id: "2" }))).toBe("INVALID_INPUT");
  });
}
