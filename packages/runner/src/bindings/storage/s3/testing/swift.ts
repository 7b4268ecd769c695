import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3Client, type S3Options } from "../s3-client.ts";

export interface TestS3 extends AsyncDisposable {
  /** Of a bucket that is there and empty. */
  readonly options: S3Options;
  readonly port: number;
}

/**
 * A real S3 server for one test: OpenStack Swift (Debian's python3-swift, which `./setup --dev` installs) with its
 * data in a directory of its own.
 */
export async function startSwift(): Promise<TestS3> {
  const directory = mkdtempSync(join(tmpdir(), "ow-swift-"));
  // Debian's own Python: another that comes first on the PATH has none of Debian's packages.
  const server = Bun.spawn(["/usr/bin/python3", join(import.meta.dir, "swift-server.py"), directory], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const stop = async () => {
    server.stdin.end();
    server.kill("SIGKILL");
    await server.exited;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const port = Number(await firstLine(server.stdout));
    if (!(port > 0)) throw new Error("Swift did not start; ./setup --dev installs python3-swift");
    const options: S3Options = {
      endpoint: `http://127.0.0.1:${port}`,
      bucket: "test-bucket",
      region: "us-east-1",
      accessKeyId: "test:tester",
      secretAccessKey: "testing",
    };
    await new S3Client(options).tell({ method: "PUT" });
    return { options, port, [Symbol.asyncDispose]: stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk);
    if (text.includes("\n")) break;
  }
  return text.trim();
}
