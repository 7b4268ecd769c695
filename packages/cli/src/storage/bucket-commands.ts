import { type ObjectStore, OpenWorkersError } from "@openworkers/core";
import type { Command } from "commander";
import type { BucketSummary, OwnS3 } from "../backend/storage.ts";
import { platformCommand, withPlatform } from "../commands/context.ts";
import { UsageError } from "../output/failure.ts";
import { formatTable, formatTime } from "../output/format.ts";
import { ask, askHidden, readStdin } from "../output/prompt.ts";

interface Options {
  readonly json?: boolean;
}

interface CreateOptions extends Options {
  readonly s3?: string;
  readonly s3Bucket?: string;
  readonly s3Region: string;
  readonly s3Prefix: string;
}

interface DeleteOptions extends Options {
  readonly yes?: boolean;
}

export function bucketCommands(): Command[] {
  return [createCommand(), bucketsCommand(), deleteCommand()];
}

function createCommand(): Command {
  return platformCommand("create", "Create a bucket", [
    "ow storage create files",
    "ow storage create photos --s3 https://s3.eu-central-1.amazonaws.com --s3-bucket my-photos --s3-region eu-central-1",
    'printf "%s\\n%s\\n" "$KEY_ID" "$SECRET" | ow storage create photos --s3 https://s3.example.com --s3-bucket photos',
  ])
    .argument("<name>")
    .option(
      "--s3 <endpoint>",
      "a bucket of your own on an S3 server; asks for the keys, or reads two lines of stdin",
    )
    .option("--s3-bucket <bucket>", "its name there (default: the same)")
    .option("--s3-region <region>", "its region", "us-east-1")
    .option("--s3-prefix <prefix>", "only objects whose keys begin with it, as in team/", "")
    .action(async (name: string, options: CreateOptions) => {
      await withPlatform(options, async ({ backend, output, signal }) => {
        const made = await backend.createBucket(name, await ownS3(name, options, signal));
        output.result(
          made,
          `Created ${name}. Bind it in wrangler.jsonc:\n` +
            `  "r2_buckets": [{ "binding": "BUCKET", "bucket_name": "${name}" }]`,
        );
      });
    });
}

/** Keys come from a terminal or a pipe: other users of the machine see the arguments of every command. */
async function ownS3(
  name: string,
  { s3: endpoint, s3Bucket, s3Region, s3Prefix }: CreateOptions,
  signal: AbortSignal,
): Promise<OwnS3 | undefined> {
  if (endpoint === undefined) return undefined;
  const { endpointSchema } = await import("@openworkers/runner");
  if (!endpointSchema.safeParse(endpoint).success) {
    throw new UsageError(`--s3: "${endpoint}" is no address of an S3 server, such as https://s3.example.com`);
  }
  if (s3Prefix !== "" && !s3Prefix.endsWith("/")) throw new UsageError("--s3-prefix must end in a slash.");
  const [accessKeyId = "", secretAccessKey = ""] = process.stdin.isTTY
    ? [await ask("Access key id: ", signal), await askHidden("Secret access key: ", signal)]
    : (await readStdin()).split(/\r?\n/);
  if (accessKeyId === "" || secretAccessKey === "") {
    throw new UsageError(
      "Give the access key id and the secret access key, each on a line of standard input.",
    );
  }
  const place = { endpoint, bucket: s3Bucket ?? name, region: s3Region, prefix: s3Prefix };
  return { place, keys: { accessKeyId, secretAccessKey } };
}

const places = { database: "database", "platform-s3": "the platform's S3", "own-s3": "own S3" } as const;

function bucketsCommand(): Command {
  return platformCommand("buckets", "List the buckets", ["ow storage buckets"]).action(
    async (options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        const buckets = await backend.buckets();
        const rows = buckets.map(({ name, id, owner, backend: place, createdAt }) => [
          name,
          id,
          owner,
          place === undefined ? "not used yet" : places[place],
          formatTime(createdAt),
        ]);
        const empty = "There are no buckets. Create one: ow storage create NAME";
        output.result(buckets, formatTable(["name", "id", "owner", "where", "created"], rows, empty));
      });
    },
  );
}

function deleteCommand(): Command {
  return platformCommand("delete-bucket", "Delete a bucket; with --yes, with all that is in it", [
    "ow storage delete-bucket files",
    "ow storage delete-bucket files --yes",
  ])
    .argument("<bucket>", "name or id")
    .option("--yes", "delete its objects, too; on a server of your own they stay")
    .action(async (nameOrId: string, options: DeleteOptions) => {
      await withPlatform(options, async ({ backend, output, signal }) => {
        const { bucket, store } = await backend.bucket(nameOrId);
        const own = bucket.backend === "own-s3";
        if (!own && options.yes !== true && !(await isEmpty(store))) throw notEmpty(bucket);
        // First what may be refused: a bucket that a worker binds keeps its objects.
        await backend.deleteBucket(bucket.id);
        if (bucket.backend === "platform-s3") await empty(store, signal);
        output.result(
          { ...bucket, deleted: true },
          own
            ? `${bucket.name} is disconnected; its objects stay on their server.`
            : `${bucket.name} is deleted.`,
        );
      });
    });
}

async function isEmpty(store: ObjectStore): Promise<boolean> {
  return (await store.list({ prefix: "", limit: 1, metadata: false })).entries.length === 0;
}

async function empty(store: ObjectStore, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const { entries } = await store.list({ prefix: "", limit: 1_000, metadata: false });
    if (entries.length === 0) return;
    await store.delete(entries.flatMap((entry) => ("object" in entry ? [entry.object.key] : [])));
  }
}

function notEmpty({ name }: BucketSummary): OpenWorkersError {
  return new OpenWorkersError("CONFLICT", `${name} is not empty.`, {
    hint: `Delete it with all that is in it: ow storage delete-bucket ${name} --yes`,
  });
}
