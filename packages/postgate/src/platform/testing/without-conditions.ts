import { deparse, parse } from "pgsql-parser";

/** The same statement with conditions that always hold: what it would be if somebody forgot them. */
export async function withoutConditions(text: string): Promise<string> {
  return deparse(open(await parse(text)));
}

const conditions = new Set(["whereClause", "quals", "havingClause"]);
const always = { A_Const: { boolval: { boolval: true } } };

/** `or true` rather than nothing: the statement goes on to use its parameters. */
function open<Tree>(tree: Tree): Tree {
  if (Array.isArray(tree)) return tree.map(open) as Tree;
  if (typeof tree !== "object" || tree === null) return tree;
  return Object.fromEntries(
    Object.entries(tree).map(([name, value]) => {
      const opened = open(value);
      if (!conditions.has(name)) return [name, opened];
      return [name, { BoolExpr: { boolop: "OR_EXPR", args: [opened, always] } }];
    }),
  ) as Tree;
}
