import { ChangeDetectionStrategy, Component, computed, inject } from "@angular/core";
import { RouterLink } from "@angular/router";
import { Copy } from "../../../ui/copy.ts";
import { Load } from "../../../ui/load.ts";
import { Connection, isLoopback } from "./connection.ts";
import { OneDatabase } from "./one-database.ts";

interface Snippet {
  readonly name: string;
  readonly text: string;
}

/** How workers, clients and programs reach the database. */
@Component({
  selector: "ow-database-connect",
  imports: [Copy, Load, RouterLink],
  providers: [Connection],
  template: `
    @if (connection.answer.error()) {
      <div class="card"><ow-load [of]="connection.answer" /></div>
    } @else {
      <div class="grid gap-x-8 gap-y-6 lg:grid-cols-2">
        @for (section of sections(); track section.heading) {
          <section class="min-w-0">
            <h2 class="font-semibold">{{ section.heading }}</h2>
            <p class="mb-3 text-muted">
              {{ section.text }}
              @if (section.token) {
                <a class="link" routerLink="../tokens">Tokens</a>
              }
            </p>
            @for (snippet of section.snippets; track snippet.name) {
              <div class="card mb-3 overflow-hidden">
                <div class="flex items-center justify-between border-b border-line py-0.5 pr-1 pl-3">
                  <h3 class="text-[13px] font-medium">{{ snippet.name }}</h3>
                  <ow-copy [text]="snippet.text" [label]="'Copy: ' + snippet.name" />
                </div>
                <pre class="overflow-x-auto p-3 font-mono text-[13px] focus-visible:outline-offset-[-2px]" tabindex="0" role="region" [attr.aria-label]="snippet.name">{{ snippet.text }}</pre>
              </div>
            }
          </section>
        }
      </div>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Connect {
  protected readonly connection = inject(Connection);
  private readonly of = inject(OneDatabase);
  private readonly name = computed(() => this.of.known()?.name ?? this.of.name());
  protected readonly sections = computed(() => [
    {
      heading: "From a worker",
      text: "A binding in wrangler.jsonc. No password is anywhere: the platform knows which worker asks.",
      token: false,
      snippets: this.#bindings(),
    },
    {
      heading: "From anywhere else",
      text: this.#where(),
      token: true,
      snippets: this.#clients(),
    },
  ]);

  #where(): string {
    if (!this.connection.answer.hasValue()) return "With a token as the password; put it in place of TOKEN.";
    const faces = this.connection.faces();
    if (faces === undefined)
      return "The platform has not been told where its databases are reached from outside: ask who runs it.";
    return isLoopback(faces.host)
      ? "It listens on the platform's own machine alone. Put a token in place of TOKEN."
      : "Over TLS, with a token as the password; put it in place of TOKEN.";
  }

  #bindings(): Snippet[] {
    const name = this.name();
    return [
      {
        name: "wrangler.jsonc, as env.DB",
        text: `{\n  "d1_databases": [{ "binding": "DB", "database_name": ${JSON.stringify(name)} }]\n}`,
      },
      {
        name: "Worker",
        text: `const { rows } = await env.DB.query(\n  "select * from items where id = $1",\n  [id],\n);\nconst item = await env.DB.prepare("select * from items where id = ?").bind(id).first();`,
      },
      {
        name: "wrangler.jsonc, for pg and ORMs",
        text: `{\n  "compatibility_flags": ["nodejs_compat"],\n  "hyperdrive": [{ "binding": "HYPERDRIVE", "id": ${JSON.stringify(name)} }]\n}`,
      },
      {
        name: "Worker with pg",
        text: `import { Client } from "pg";\n\nconst client = new Client({ connectionString: env.HYPERDRIVE.connectionString });\nawait client.connect();\nconst { rows } = await client.query("select now()");\nctx.waitUntil(client.end());`,
      },
    ];
  }

  #clients(): Snippet[] {
    const url = this.connection.url("TOKEN");
    const faces = this.connection.faces();
    if (url === undefined || faces === undefined) return [];
    return [
      { name: "Connection string", text: url },
      { name: "psql", text: `psql "${url}"` },
      { name: ".env for Prisma, Drizzle and others", text: `DATABASE_URL="${url}"` },
      {
        name: "Node.js with pg",
        text: `import pg from "pg";\n\nconst pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 5 });\nconst { rows } = await pool.query("select now()");`,
      },
      {
        name: "HTTP",
        text: `curl ${new URL("query", faces.http)} \\\n  -H "authorization: Bearer TOKEN" \\\n  -d '{ "sql": "select * from items where id = $1", "params": ["7"] }'`,
      },
      {
        name: "Dump, and migrations",
        text: `ow databases dump ${this.name()} ${this.name()}.sql.gz\now databases migrate apply ${this.name()} --dir migrations`,
      },
    ];
  }
}
