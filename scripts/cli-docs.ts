#!/usr/bin/env bun
/**
 * Writes docs/cli.md: starts a platform, runs every command in order and puts down what it printed.
 * Run it when the CLI's output has changed: npx bun scripts/cli-docs.ts
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { type Platform, startPlatform } from "@openworkers/e2e/platform";

const root = join(import.meta.dir, "..");

interface Section {
  readonly command: string;
  readonly text: string;
  /** What follows `ow`, in the order in which it is run. */
  readonly runs: readonly (readonly string[])[];
}

const sections: readonly Section[] = [
  {
    command: "up",
    text: "Runs the whole platform; `npm start` is the same. Ctrl-C finishes the requests under way and stops everything, a second one ends it at once.",
    runs: [],
  },
  {
    command: "doctor",
    text: "Looks at everything that the platform needs and really starts a sandboxed cell. Exits with 1 when something fails.",
    runs: [["doctor"]],
  },
  {
    command: "init",
    text: "Scaffolds a TypeScript worker; it refuses to overwrite anything.",
    runs: [["init", "HELLO"]],
  },
  {
    command: "deploy",
    text: "Bundles a file or folder with esbuild, starts it once in a throw-away cell, stores it as a new version and puts it live. A worker that does not start is refused with its own stack trace. `--percent` gives the new version a share of the requests only; `--env` and `--secrets` read dotenv files into the worker's environment.",
    runs: [
      ["deploy", "examples/hono"],
      ["deploy", "examples/hono", "--json"],
      ["deploy", "BROKEN"],
    ],
  },
  {
    command: "workers",
    text: "Lists the workers, or shows one.",
    runs: [["workers"], ["workers", "hono"]],
  },
  {
    command: "versions",
    text: "Versions never change. Each has an address of its own, `<version>--<worker>`, for previews.",
    runs: [["versions", "hono"]],
  },
  {
    command: "deployments",
    text: "A deployment says which versions get which share of the requests; the newest one is live.",
    runs: [
      ["deployments", "hono", "--version", "1", "--percent", "10"],
      ["deployments", "hono"],
    ],
  },
  {
    command: "rollback",
    text: "Puts an earlier version live again, as a new deployment.",
    runs: [["rollback", "hono", "1", "--message", "try the old one"]],
  },
  {
    command: "env",
    text: "Values in the worker's `env`. They win over `vars` of the manifest, and a change starts fresh cells at once.",
    runs: [
      ["env", "set", "hono", "GREETING=Salve"],
      ["env", "list", "hono"],
      ["env", "unset", "hono", "GREETING"],
    ],
  },
  {
    command: "secret",
    text: "Sealed values in the worker's `env`. Nobody can read one back, from the database neither. `put` asks, or reads standard input.",
    runs: [
      ["secret", "put", "hono", "API_KEY"],
      ["secret", "list", "hono"],
      ["secret", "rotate-key"],
    ],
  },
  {
    command: "bindings",
    text: "What the names on a worker's `env` lead to. `add` puts a binding into the worker's environment: it goes before the manifest's, without a deploy. See [bindings](bindings/README.md).",
    runs: [
      ["bindings", "add", "hono", "SELF", "--worker", "hono"],
      ["bindings", "list", "hono"],
      ["bindings", "remove", "hono", "SELF"],
    ],
  },
  {
    command: "types",
    text: "Writes the TypeScript types of a project's `env` from its manifest, as `wrangler types` does. What it writes otherwise than wrangler is in [packages/worker-types](../packages/worker-types/README.md).",
    runs: [["types", "examples/hono", "--stdout"]],
  },
  {
    command: "kv",
    text: "Key-value namespaces and what is in them. A namespace goes by its name or its id; `get` writes a value as it is, `import` and `export` use wrangler's bulk format.",
    runs: [
      ["kv", "create", "settings"],
      ["kv", "put", "settings", "colour", "blue", "--metadata", '{"by":"ada"}'],
      ["kv", "list", "settings"],
      ["kv", "get", "settings", "colour"],
      ["kv", "export", "settings"],
      ["kv", "delete", "settings", "colour"],
      ["kv", "namespaces"],
      ["kv", "delete-namespace", "settings", "--yes"],
    ],
  },
  {
    command: "storage",
    text: "Buckets and the objects in them: in the database, in the platform's S3 bucket, or with `--s3` in one of your own, whose keys are asked for and sealed. `put` and `get` stream.",
    runs: [
      ["storage", "create", "files"],
      ["storage", "put", "files", "docs/readme.md", "README.md"],
      ["storage", "list", "files"],
      ["storage", "delete", "files", "docs/readme.md"],
      ["storage", "buckets"],
      ["storage", "delete-bucket", "files", "--yes"],
    ],
  },
  {
    command: "databases",
    text: "PostgreSQL databases. `create --url` connects one on a server of your own. What `exec`, `dump`, `restore` and `migrate` do is done with a token that they make for themselves, under the database's limits. [Databases](databases/README.md)",
    runs: [
      ["databases", "create", "shop"],
      [
        "databases",
        "exec",
        "shop",
        "create table orders (id int primary key, name text); insert into orders values (1, 'a book')",
      ],
      ["databases", "exec", "shop", "select * from orders where id = $1", "--param", "1"],
      ["databases", "limits", "shop", "statementMs=60s"],
      ["databases", "fork", "shop", "shop-staging"],
      [
        "databases",
        "tokens",
        "create",
        "shop",
        "--name",
        "reports",
        "--scope",
        "read-only",
        "--expires",
        "30d",
      ],
      ["databases", "tokens", "list", "shop"],
      ["databases", "list"],
      ["databases", "delete", "shop-staging", "--yes"],
    ],
  },
  {
    command: "crons",
    text: "Calls a worker's `scheduled` handler at the times of cron expressions; the manifest's `triggers.crons` are among them. See [crons](crons.md).",
    runs: [
      ["deploy", "examples/scheduled"],
      ["crons", "add", "scheduled", "0 9 * * MON-FRI", "--timezone", "Europe/Berlin", "--retries", "3"],
      ["crons", "list"],
      ["crons", "run", "scheduled", "*/5 * * * *", "--wait"],
      ["crons", "pause", "scheduled", "*/5 * * * *"],
      ["crons", "history", "scheduled", "--limit", "5"],
      ["crons", "remove", "scheduled", "0 9 * * MON-FRI"],
    ],
  },
  {
    command: "queues",
    text: "Queues between workers, and who takes their messages. What `send` sends goes by way of the database, and can be delivered within about a second. See [queues](bindings/queue.md).",
    runs: [
      ["queues", "create", "orders"],
      ["queues", "send", "orders", '{"id":1}', "--delay", "60"],
      ["queues", "list"],
      ["queues", "pause", "orders"],
      ["queues", "show", "orders"],
      ["queues", "purge", "orders", "--yes"],
      ["queues", "delete", "orders", "--yes"],
    ],
  },
  {
    command: "postgate",
    text: "Runs the service of tenant databases alone, where `ow up` does not.",
    runs: [],
  },
  {
    command: "domains",
    text: "Host names of your own. The operator, whom `ow` works for, may serve any at once; a domain that somebody else claims is served when its TXT record was seen, or with `verify --trust`. Several workers may claim a name; the one that proves it has it, and the claims of the others end.",
    runs: [
      ["domains", "add", "hono", "shop.example.com"],
      ["domains", "list"],
      ["domains", "remove", "shop.example.com"],
    ],
  },
  {
    command: "tail",
    text: "Follows console output, exceptions with their stack, and one line for each request, until Ctrl-C; goes on where it was when the platform was restarted. `--history 50` begins with the last 50. Filters: `--level`, `--search`, `--request`, `--status`, `--outcome`, `--only-version`, `--kind`.",
    runs: [],
  },
  {
    command: "logs",
    text: "Shows what a worker has logged, oldest first, with the filters of `ow tail`; `--keep 3` keeps its logs for three days. Without a worker it runs the logs service alone, where `ow up` does not: [logs](logs.md).",
    runs: [["logs", "scheduled", "--since", "1h"]],
  },
  {
    command: "dev",
    text: "Deploys at every change of a file, with live logs. Without a running platform it starts a temporary one.",
    runs: [],
  },
  { command: "audit", text: "Who changed what, newest first.", runs: [["audit"]] },
  {
    command: "login",
    text: "Signs in to a platform's API with e-mail, password and, where the account has one, a second factor; or with an API key (`--token`, read from standard input or `OW_TOKEN`). The token is kept in `OW_HOME` for this user alone, and commands work through the API from then on. In CI, `OW_API_URL` and `OW_TOKEN` do without.",
    runs: [],
  },
  {
    command: "logout",
    text: "Ends the session and forgets its token. An API key stays good until `ow keys revoke`.",
    runs: [],
  },
  { command: "whoami", text: "Says who is signed in, and where.", runs: [] },
  {
    command: "profile",
    text: "Lists logins and the platforms that run on this machine, and chooses the one that commands work on; `local` is the one that was started last.",
    runs: [["profile", "list"]],
  },
  {
    command: "keys",
    text: "API keys, for CI and programs: scoped to what they are for, expiring, and shown once.",
    runs: [],
  },
  {
    command: "accounts",
    text: "Your own account and your organisations. `OW_ACCOUNT` says which one commands mean.",
    runs: [],
  },
  { command: "members", text: "Who works in an organisation, and as what.", runs: [] },
  {
    command: "mcp",
    text: "Serves the same operations to programs that speak the Model Context Protocol, on standard input and output. `--read-only` leaves out all that changes anything. [mcp.md](mcp.md)",
    runs: [],
  },
  {
    command: "delete",
    text: "Deletes a worker with its versions. Asks for its name unless `--yes` is given.",
    runs: [["delete", "hono", "--yes"]],
  },
  {
    command: "users",
    text: "Sees who can sign in, and lets somebody in: `setup-link` for another admin, `reset-link` for who has lost a password where no mail is sent. Straight on the database, so it works while nobody can sign in.",
    runs: [],
  },
  {
    command: "api",
    text: "`ow api deploy` puts this release's API live again, whatever was in its place; `ow api serve` serves it from this process, when the platform cannot.",
    runs: [],
  },
  {
    command: "migrate",
    text: "Brings the database up to date, as `ow up` does by itself.",
    runs: [["migrate"]],
  },
];

const intro = `# CLI

\`ow\` works straight on the platform's database, so it also works when the platform is down. In the project it is \`npx ow\`.
Without further ado it finds the platform that \`ow up\` started last on this machine; \`--profile\` or \`--port\` chooses
another, \`DATABASE_URL\` one elsewhere. After [ow login](#ow-login) it works through a platform's API instead, as whoever signed in; what is the
operator's alone then says that it needs direct access.

Every command takes \`--json\` (one document on stdout and nothing else there) and \`--help\` (all options, with examples). Progress and
warnings go to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage. An error is one sentence and what to do.

What follows was printed by the commands themselves (\`scripts/cli-docs.ts\`).
`;

/** The command as a user would type it. */
function typed(args: readonly string[]): string {
  return args
    .map((arg) => (/^[\w./=:-]+$/.test(arg) ? arg : arg.includes("'") ? `"${arg}"` : `'${arg}'`))
    .join(" ");
}

/** The options of `ow <command> --help`, and what the commands printed. */
async function write(platform: Platform, { command, text, runs }: Section, clean: (text: string) => string) {
  const shown: string[] = [];
  for (const run of runs) {
    const { stdout, stderr } = await platform.owWithInput("a secret of this page", ...run);
    shown.push(clean(`$ ow ${typed(run)}\n${stderr}${stdout}`.trimEnd()));
  }
  const help = await platform.ow(command, "--help");
  const usage = /^Usage: (.*)$/m.exec(help.stdout)?.[1] ?? `ow ${command}`;
  return [
    `## ow ${command}`,
    `\`${usage}\``,
    text,
    ...(shown.length === 0 ? [] : [fence(shown.join("\n\n"))]),
  ].join("\n\n");
}

function fence(text: string): string {
  return `\`\`\`console\n${text}\n\`\`\``;
}

const scratch = await mkdtemp(join(tmpdir(), "ow-docs-"));
try {
  await using platform = await startPlatform();
  const broken = join(scratch, "broken.ts");
  await writeFile(
    broken,
    'const settings = JSON.parse("{");\n\nexport default { fetch: () => new Response(settings) };\n',
  );
  const places: readonly (readonly [string, string])[] = [
    [join(scratch, "hello"), "hello"],
    [broken, "broken.ts"],
    [scratch, "."],
    [join(platform.directory, "data"), "~/.openworkers/data"],
    [join(platform.directory, "home"), "~/.openworkers"],
    [root, "."],
    [String(platform.port), "8787"],
    [`on ${hostname()}:`, "on this-machine:"],
  ];
  const clean = (text: string): string =>
    places.reduce(
      (result, [from, to]) => result.replaceAll(from, to),
      text
        .replace(/^npm warn .*\n/gm, "")
        .replaceAll("npx ow ", "ow ")
        // Good for nothing any more, and a scanner's alarm.
        .replace(/owdb_[\w-]{43}/g, "owdb_…")
        .replace(/(postgres:.*@127\.0\.0\.1):\d+/g, "$1:6432")
        .replace(/http:\/\/127\.0\.0\.1:\d+\/query/g, "http://127.0.0.1:6433/query"),
    );
  const place = (arg: string): string =>
    arg === "HELLO" ? join(scratch, "hello") : arg === "BROKEN" ? broken : arg;
  const parts: string[] = [];
  for (const section of sections) {
    const runs = section.runs.map((run) => run.map(place));
    parts.push(await write(platform, { ...section, runs }, clean));
  }
  await Bun.write(
    join(root, "docs/cli.md"),
    `${[intro, ...parts].join("\n\n").replace(/\n{3,}/g, "\n\n")}\n`,
  );
} finally {
  await rm(scratch, { recursive: true, force: true });
}
