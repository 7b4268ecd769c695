/** A node of `EXPLAIN (FORMAT JSON)`, as much of it as is shown. */
interface PlanJson {
  readonly "Node Type": string;
  readonly Plans?: readonly PlanJson[];
  readonly [property: string]: unknown;
}

/** One line of a plan. */
export interface PlanNode {
  readonly depth: number;
  /** `Index Scan using items_pkey on items`. */
  readonly title: string;
  /** Conditions and keys: `Filter: (size > 3)`. */
  readonly notes: readonly string[];
  readonly cost: number;
  readonly plannedRows: number;
  /** Rows of all its loops; undefined unless it was run. */
  readonly actualRows: number | undefined;
  /** Of itself, without what is below it; undefined unless it was run. */
  readonly ownMs: number | undefined;
  readonly loops: number | undefined;
  /** How much of the whole it takes: of the time, or else of the cost. 0 to 1. */
  readonly share: number;
}

export interface Plan {
  readonly nodes: readonly PlanNode[];
  readonly planningMs: number | undefined;
  readonly executionMs: number | undefined;
  readonly totalCost: number;
}

/** What a reader wants to know of a node besides its numbers. */
const told = [
  ...[
    "Index Cond",
    "Recheck Cond",
    "Hash Cond",
    "Merge Cond",
    "Join Filter",
    "Filter",
    "Rows Removed by Filter",
  ],
  ...[
    "Sort Key",
    "Group Key",
    "Sort Method",
    "Cache Key",
    "Function Name",
    "Output Rows",
    "Workers Launched",
  ],
];

/** Reads what `EXPLAIN (FORMAT JSON)` gave. @throws Error when it is none of that */
export function readPlan(value: unknown): Plan {
  const [top] = (typeof value === "string" ? JSON.parse(value) : value) as readonly {
    readonly Plan?: PlanJson;
    readonly "Planning Time"?: number;
    readonly "Execution Time"?: number;
  }[];
  if (top?.Plan === undefined) throw new Error("PostgreSQL has answered no plan.");
  const root = top.Plan;
  const totalCost = number(root, "Total Cost") ?? 0;
  const wholeMs = timeOf(root);
  const nodes: PlanNode[] = [];
  const visit = (node: PlanJson, depth: number): void => {
    const below = node.Plans ?? [];
    const ms = timeOf(node);
    const ownMs =
      ms === undefined ? undefined : Math.max(0, ms - sum(below.map((each) => timeOf(each) ?? 0)));
    const cost = number(node, "Total Cost") ?? 0;
    const ownCost = Math.max(0, cost - sum(below.map((each) => number(each, "Total Cost") ?? 0)));
    const loops = number(node, "Actual Loops");
    const rows = number(node, "Actual Rows");
    nodes.push({
      depth,
      title: titleOf(node),
      notes: told.flatMap((name) => {
        const note = node[name];
        return note === undefined ? [] : [`${name}: ${Array.isArray(note) ? note.join(", ") : note}`];
      }),
      cost,
      plannedRows: number(node, "Plan Rows") ?? 0,
      actualRows: rows === undefined ? undefined : Math.round(rows * (loops ?? 1)),
      ownMs,
      loops,
      share: share(ownMs, wholeMs) ?? share(ownCost, totalCost) ?? 0,
    });
    for (const each of below) visit(each, depth + 1);
  };
  visit(root, 0);
  return { nodes, planningMs: top["Planning Time"], executionMs: top["Execution Time"], totalCost };
}

function titleOf(node: PlanJson): string {
  const join = text(node, "Join Type");
  const parts = [
    text(node, "Subplan Name")?.concat(":"),
    node["Parallel Aware"] === true ? "Parallel" : undefined,
    join === undefined || join === "Inner" ? undefined : join,
    text(node, "Strategy") === "Hashed" ? "Hash" : undefined,
    text(node, "Operation") ?? node["Node Type"],
    at("using", text(node, "Index Name")),
    at("on", text(node, "Relation Name") ?? text(node, "CTE Name") ?? text(node, "Function Name")),
  ];
  const alias = text(node, "Alias");
  if (alias !== undefined && alias !== text(node, "Relation Name")) parts.push(alias);
  return parts.filter((part) => part !== undefined).join(" ");
}

function timeOf(node: PlanJson): number | undefined {
  const ms = number(node, "Actual Total Time");
  return ms === undefined ? undefined : ms * (number(node, "Actual Loops") ?? 1);
}

function share(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined || whole <= 0 ? undefined : Math.min(1, part / whole);
}

function at(word: string, name: string | undefined): string | undefined {
  return name === undefined ? undefined : `${word} ${name}`;
}

function text(node: PlanJson, name: string): string | undefined {
  const value = node[name];
  return typeof value === "string" ? value : undefined;
}

/** Numbers with more digits than a number holds come as they were written. */
function number(node: PlanJson, name: string): number | undefined {
  const value = node[name];
  if (value === undefined) return undefined;
  const read = Number(typeof value === "number" ? value : JSON.stringify(value));
  return Number.isNaN(read) ? undefined : read;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}
