import type { AssetSettings, UserId } from "@openworkers/core";
import { type Database, type DeployInput, hashOf, uploadAssets } from "@openworkers/db";

/** How files are served when nothing is said of it. */
export const plainSettings: AssetSettings = {
  htmlHandling: "auto-trailing-slash",
  notFoundHandling: "none",
  runWorkerFirst: false,
  only: false,
  headers: [],
  redirects: [],
};

/** Stores the files; returns what a deploy says of them. */
export async function uploadSite(
  database: Database,
  by: UserId,
  files: Readonly<Record<string, string | Uint8Array>>,
  settings: Partial<AssetSettings> = {},
  typeOf: (path: string) => string = () => "text/html; charset=utf-8",
): Promise<NonNullable<DeployInput["assets"]>> {
  const all = Object.entries(files).map(([path, file]) => ({ path, content: Buffer.from(file) }));
  await uploadAssets(database, by, new Map(all.map(({ content }) => [hashOf(content), content])));
  return {
    settings: { ...plainSettings, ...settings },
    files: all.map(({ path, content }) => ({
      path,
      hash: hashOf(content),
      size: content.length,
      contentType: typeOf(path),
    })),
  };
}
