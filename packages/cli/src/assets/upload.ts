import { readFile } from "node:fs/promises";
import { OpenWorkersError } from "@openworkers/core";
import { hashOf } from "@openworkers/db";
import type { Backend } from "../backend/backend.ts";
import type { SourceFile } from "./files.ts";

/** Of one batch: what is in memory at a time, and in one statement. */
const batchBytes = 8 * 2 ** 20;
const batchFiles = 500;

export interface Uploaded {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Sends the contents that the platform does not have from this user yet, each once.
 *
 * @param progress told after each batch
 * @throws OpenWorkersError CONFLICT when a file has changed since it was looked at, and what the backend throws;
 * `signal.reason` once it has aborted
 */
export async function uploadFiles(
  files: readonly SourceFile[],
  backend: Pick<Backend, "missingAssets" | "uploadAssets">,
  {
    signal,
    progress,
  }: { readonly signal: AbortSignal; readonly progress?: (sent: Uploaded, of: Uploaded) => void },
): Promise<Uploaded> {
  const byHash = new Map(files.map((file) => [file.hash, file]));
  const missing = await backend.missingAssets([...byHash.keys()]);
  const wanted = [...byHash.values()].filter(({ hash }) => missing.has(hash));
  const total = { files: wanted.length, bytes: wanted.reduce((sum, { size }) => sum + size, 0) };
  let sent: Uploaded = { files: 0, bytes: 0 };
  for (let batch = new Map<string, Uint8Array>(), bytes = 0, index = 0; index < wanted.length; index++) {
    const file = wanted[index];
    if (file === undefined) break;
    batch.set(file.hash, await readUnchanged(file));
    bytes += file.size;
    const next = wanted[index + 1];
    if (next !== undefined && bytes + next.size <= batchBytes && batch.size < batchFiles) continue;
    signal.throwIfAborted();
    await backend.uploadAssets(batch);
    sent = { files: sent.files + batch.size, bytes: sent.bytes + bytes };
    progress?.(sent, total);
    batch = new Map();
    bytes = 0;
  }
  return total;
}

async function readUnchanged({ source, hash, path }: SourceFile): Promise<Uint8Array> {
  const content = await readFile(source);
  if (hashOf(content) === hash) return content;
  throw new OpenWorkersError(
    "CONFLICT",
    `${path} was changed while it was being deployed; nothing has changed.`,
    {
      hint: "Deploy again once the build has ended.",
    },
  );
}
