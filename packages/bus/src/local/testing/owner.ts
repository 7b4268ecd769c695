import { openLocalBus } from "../local-bus.ts";

// A process that owns a local bus until it is killed. It publishes and consumes, and says on stdout what it was told:
// `published <id>` once a publication has resolved, `handled <id>` once a message has been acknowledged.
const [path, from] = process.argv.slice(2);
if (path === undefined) throw new Error("usage: owner.ts FILE FIRST");
const say = (line: string) => process.stdout.write(`${line}\n`);
const bus = openLocalBus({ path, report: (message, details) => console.error(message, details) });
await bus.declare({
  name: "WORK",
  subject: "work.>",
  retention: "work",
  maxAgeMs: 3_600_000,
  maxBytes: 2 ** 30,
  whenFull: "refuse",
  maxMessageBytes: 2 ** 20,
  dedupeMs: 600_000,
});
await bus.consume(
  {
    stream: "WORK",
    name: "consumer",
    subject: "work.done",
    inFlight: 8,
    maxUnacknowledged: 100,
    ackWaitMs: 60_000,
    backoffMs: [],
  },
  async (message) => {
    await message.ack();
    say(`handled ${message.id}`);
  },
);
await bus.consume(
  {
    stream: "WORK",
    name: "stuck",
    subject: "work.stuck",
    inFlight: 8,
    maxUnacknowledged: 100,
    ackWaitMs: 600_000,
    backoffMs: [],
  },
  (message) => {
    say(`delivered ${message.id} ${message.deliveries}`);
    return new Promise(() => {});
  },
);
say("ready");
for (let at = Number(from); ; at += 4) {
  await Promise.all(
    [0, 1, 2, 3].map(async (more) => {
      const id = `${at + more}`;
      const subject = more === 3 ? (at % 40 === 0 ? "work.stuck" : "work.done") : "work.kept";
      await bus.publish(subject, new Uint8Array(2_000), { id });
      say(`published ${subject} ${id}`);
    }),
  );
}
