import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";

export interface ReceivedMail {
  /** The envelope's recipients. */
  readonly to: string;
  /** Headers and body, without the transfer's encoding of long lines and signs of equality. */
  readonly text: string;
}

/** A real SMTP server on loopback. */
export interface TestMailServer extends AsyncDisposable {
  readonly url: string;
  readonly received: ReceivedMail[];
  /** What it says to every recipient instead of taking the mail: a code of SMTP and a text. */
  answer: string | undefined;
}

export async function startMailServer(): Promise<TestMailServer> {
  const received: ReceivedMail[] = [];
  const state: { answer: string | undefined } = { answer: undefined };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    logger: false,
    onRcptTo(_address, _session, callback) {
      if (state.answer === undefined) return callback();
      const [code, ...words] = state.answer.split(" ");
      callback(Object.assign(new Error(words.join(" ")), { responseCode: Number(code) }));
    },
    onData(stream, { envelope }, callback) {
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => {
        received.push({
          to: envelope.rcptTo.map(({ address }) => address).join(","),
          text: Buffer.concat(parts).toString().replaceAll("=\r\n", "").replaceAll("=3D", "="),
        });
        callback();
      });
    },
  });
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    received,
    get answer() {
      return state.answer;
    },
    set answer(answer) {
      state.answer = answer;
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
