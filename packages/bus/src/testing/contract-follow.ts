import { expect, test } from "bun:test";
import type { StoredMessage } from "../bus.ts";
import { type ContractContext, ids, on, Seen, testConsumer } from "./contract-rig.ts";
import { bytes } from "./text.ts";

/** Follows until `end`, into `seen`. */
function following(messages: AsyncIterable<StoredMessage>, seen: Seen<StoredMessage>): Promise<void> {
  return (async () => {
    for await (const message of messages) seen.add(message);
  })();
}

export function contractOfFollow({ bus, stream }: ContractContext): void {
  test("follows a stream from a position: what is stored, then what comes, in order and once", async () => {
    const t = await stream();
    const publish = (at: number) => bus().publish(on(t, `s${at % 3}`), bytes(`${at}`), { id: `${at}` });
    for (let at = 1; at <= 50; at++) await publish(at);
    const seen = new Seen<StoredMessage>();
    const end = new AbortController();
    const ended = following(
      bus().follow({ stream: t.name, subject: t.subject, after: 20, signal: end.signal }),
      seen,
    );
    await Promise.all(Array.from({ length: 100 }, (_, at) => publish(51 + at)));
    const messages = await seen.atLeast(130);
    expect(messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 130 }, (_, at) => 21 + at));
    expect(messages[0]).toMatchObject({ id: "21", subject: on(t, "s0") });
    expect(Math.abs((messages[0]?.time ?? 0) - Date.now())).toBeLessThan(60_000);
    end.abort();
    await ended;
  });

  test("follows one subject, and those below one", async () => {
    const t = await stream();
    const end = new AbortController();
    const wanted = ["one", "some.>", "nobody"].map((last) => {
      const seen = new Seen<StoredMessage>();
      const options = { stream: t.name, subject: on(t, last), after: 0, signal: end.signal };
      return { seen, ended: following(bus().follow(options), seen) };
    });
    for (const [at, last] of ["one", "some.a", "someone", "some.b.c", "one.more", "one"].entries()) {
      await bus().publish(on(t, last), bytes(""), { id: `${at}` });
    }
    await wanted[0]?.seen.atLeast(2);
    await wanted[1]?.seen.atLeast(2);
    expect(wanted.map(({ seen }) => ids(seen.all))).toEqual([["0", "5"], ["1", "3"], []]);
    end.abort();
    await Promise.all(wanted.map(({ ended }) => ended));
  });

  test("ends at once when its signal aborts, before and while it waits", async () => {
    const t = await stream();
    const options = { stream: t.name, subject: t.subject, after: 0 };
    const aborted = new Seen<StoredMessage>();
    await bus().publish(on(t, "a"), bytes(""), { id: "1" });
    await following(bus().follow({ ...options, signal: AbortSignal.abort() }), aborted);
    expect(aborted.all).toEqual([]);
    const end = new AbortController();
    const seen = new Seen<StoredMessage>();
    const ended = following(bus().follow({ ...options, signal: end.signal }), seen);
    await seen.atLeast(1);
    end.abort();
    await ended;
  });

  test("takes nothing from a consumer, and is not held up by one", async () => {
    const t = await stream({ retention: "limits" });
    const consumed = new Seen();
    await using _ = await bus().consume(testConsumer(t), async (message) => consumed.add(message));
    const seen = new Seen<StoredMessage>();
    const end = new AbortController();
    const ended = following(
      bus().follow({ stream: t.name, subject: t.subject, after: 0, signal: end.signal }),
      seen,
    );
    for (let at = 0; at < 5; at++) await bus().publish(on(t, "a"), bytes(""), { id: `${at}` });
    await Promise.all([seen.atLeast(5), consumed.atLeast(5)]);
    end.abort();
    await ended;
  });

  test("a follower that is slow gets everything, and holds up no other", async () => {
    const t = await stream();
    const end = new AbortController();
    const options = { stream: t.name, subject: t.subject, after: 0, signal: end.signal };
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const [slow, quick] = [new Seen<StoredMessage>(), new Seen<StoredMessage>()];
    const slowEnded = (async () => {
      for await (const message of bus().follow(options)) {
        await opened;
        slow.add(message);
      }
    })();
    const quickEnded = following(bus().follow(options), quick);
    await Promise.all(
      Array.from({ length: 500 }, (_, at) =>
        bus().publish(on(t, "a"), new Uint8Array(1_000), { id: `${at}` }),
      ),
    );
    await quick.atLeast(500);
    open();
    expect((await slow.atLeast(500)).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 500 }, (_, at) => at + 1),
    );
    end.abort();
    await Promise.all([slowEnded, quickEnded]);
  });
}
