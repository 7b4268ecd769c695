import { OpenWorkersError } from "@openworkers/core";
import type { Client, Connection, Submittable } from "pg";
import { FrameReader } from "./frames.ts";

/** As much of `pg`'s connection as this needs; its types do not have it. */
interface RawConnection {
  readonly stream: NodeJS.ReadableStream & { destroy(): void };
  query(text: string): void;
}

/**
 * Bytes of one answer. Schemas are far smaller; one whose functions are repetitions of a letter is not, and its
 * catalogs hold it compressed, in less than any limit of size sees.
 */
const maxAnswerBytes = 64 * 2 ** 20;

/**
 * Runs statements by the simple protocol and returns the server's answer as it came, up to and with ReadyForQuery.
 *
 * @throws OpenWorkersError RESULT_TOO_LARGE, and the connection is gone; what breaks the connection. An error of a statement's is in the answer
 */
export async function rawQuery(client: Client, text: string): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  const frames = new FrameReader({ startup: false });
  let stream: RawConnection["stream"] | undefined;
  let bytes = 0;
  const collect = (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > maxAnswerBytes) {
      reject(
        new OpenWorkersError(
          "RESULT_TOO_LARGE",
          "The schema is too large to be dumped: one answer about it exceeds 64 MiB.",
          {
            hint: "Dump it with a pg_dump of your own: docs/databases/clients.md",
          },
        ),
      );
      stream?.destroy();
      return;
    }
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
