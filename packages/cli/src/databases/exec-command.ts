import { OpenWorkersError } from "@openworkers/core";
import type { Command } from "commander";
import { platformCommand, withPlatform } from "../commands/context.ts";
import { UsageError } from "../output/failure.ts";
import { formatColumns, formatMs } from "../output/format.ts";
import { printable } from "../output/printable.ts";
import { type QueryResult, withAccess } from "./access.ts";

interface Options {
  readonly json?: boolean;
  readonly param: readonly string[];
  readonly file?: string;
}

export function execCommand(): Command {
  return platformCommand("exec", "Run SQL: one statement with parameters, or several in one transaction", [
    'ow databases exec shop "select * from orders where id = $1" --param 7',
    "ow databases exec shop --file schema.sql",
    "ow databases exec shop < schema.sql",
  ])
    .argument("<database>", "name or id")
    .argument("[sql]")
    .option("--param <value...>", "values of $1, $2 and so on", [])
    .option(
      "--file <file>",
      "SQL to run, - for standard input, as without any; for a dump: ow databases restore",
    )
    .action(async (nameOrId: string, sql: string | undefined, options: Options) => {
      if (sql !== undefined && options.file !== undefined) {
        throw new UsageError("Give the SQL or --file, not both.");
      }
      if (sql === undefined && options.file === undefined && process.stdin.isTTY) {
        throw new UsageError("Give the SQL, or --file, or pipe it in.");
      }
      const body =
        sql === undefined || options.param.length === 0 ? undefined : { sql, params: options.param };
      if (body === undefined && options.param.length > 0)
        throw new UsageError("--param goes with SQL on the command line.");
      const script = sql ?? (await textOf(options.file ?? "-"));
      if (script.trim() === "") throw new UsageError("The SQL is empty.");
      await withPlatform(options, async (context) => {
        const results = await withAccess(context, nameOrId, { scope: "owner", minutes: 5 }, ({ query }) =>
          query(body ?? { script }),
        );
        context.output.result(results, results.map(formatResult).join("\n\n"));
      });
    });
}

async function textOf(path: string): Promise<string> {
  if (path === "-") return await Bun.stdin.text();
  const file = Bun.file(path);
  if (!(await file.exists())) throw new OpenWorkersError("NOT_FOUND", `There is no file ${path}.`);
  return await file.text();
}

function formatResult({ columns, rows, command, rowCount, durationMs }: QueryResult): string {
  const took = `${command} ${rowCount} (${formatMs(durationMs)})`;
  if (columns.length === 0) return took;
  const cells = rows.map((row) => row.map(formatCell));
  return `${formatColumns(
    columns.map(({ name }) => printable(name)),
    cells,
    "No rows.",
  )}\n${took}`;
}

function formatCell(value: unknown): string {
  const text = value === null ? "NULL" : typeof value === "string" ? value : JSON.stringify(value);
  return printable(text).replaceAll("\n", "\\n");
}
