import type { Client, Connection, Submittable } from "pg";
import { FrameReader } from "./frames.ts";

/** As much of `pg`'s connection as this needs; its types do not have it. */
interface RawConnection {
  readonly stream: NodeJS.ReadableStream;
  query(text: string): void;
}

/**
 * Runs statements by the simple protocol and returns the server's answer as it came, up to and with ReadyForQuery.
 *
 * @throws what breaks the connection; an error of a statement's is in the answer
 */
export async function rawQuery(client: Client, text: string): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  const frames = new FrameReader({ startup: false });
  let stream: NodeJS.ReadableStream | undefined;
  const collect = (chunk: Buffer) => {
    // Its memory is used again for what comes next.
    chunks.push(Buffer.from(chunk));
    for (const { type } of frames.read(chunk)) if (type === "Z") resolve(Buffer.concat(chunks));
  };
  const ended = () => reject(new Error("the connection has ended"));
  const ignore = () => {};
  const query = {
    submit(submitted: Connection) {
      const connection = submitted as unknown as RawConnection;
      stream = connection.stream;
      stream.on("data", collect);
      connection.query(text);
    },
    handleRowDescription: ignore,
    handleDataRow: ignore,
    handleCommandComplete: ignore,
    handleEmptyQuery: ignore,
    handleReadyForQuery: ignore,
    handleCopyInResponse: ignore,
    handleCopyData: ignore,
    handleError(error: Error) {
      // One that the server says is in the answer.
      if (!("severity" in error)) reject(error);
    },
  } satisfies Submittable & Record<string, unknown>;
  client.once("end", ended);
  try {
    client.query(query);
    return await promise;
  } finally {
    client.removeListener("end", ended);
    stream?.removeListener("data", collect);
  }
}
