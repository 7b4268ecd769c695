export interface ParsedMetric {
  readonly type: string;
  readonly help: string;
  /** By `name{label="value",…}` as it stands there. */
  readonly samples: ReadonlyMap<string, number>;
}

const head = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/;
const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)$/;
const labels = /^\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"(?:,(?=[a-zA-Z_])|(?=\})))*\}$/;
const number = /^(?:NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/i;
const types = new Set(["counter", "gauge", "histogram", "summary", "untyped"]);

/**
 * Parses Prometheus's text format 0.0.4, and refuses what Prometheus or its linter would.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function parseExposition(text: string): Map<string, ParsedMetric> {
  if (!text.endsWith("\n")) throw new Error("The last line has no end.");
  const metrics = new Map<string, { type: string; help: string; samples: Map<string, number> }>();
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const [, what, headName = "", rest = ""] = head.exec(line) ?? [];
    if (what === "HELP") {
      if (metrics.has(headName)) throw new Error(`${headName} is there twice.`);
      metrics.set(headName, { type: "", help: rest, samples: new Map() });
      current = headName;
      continue;
    }
    const metric = metrics.get(current);
    if (metric === undefined) throw new Error(`No metric has begun before: ${line}`);
    if (what === "TYPE") {
      if (headName !== current || metric.type !== "" || !types.has(rest)) throw new Error(`Wrong: ${line}`);
      metric.type = rest;
      continue;
    }
    const [, name = "", labelText = "", value = ""] = sample.exec(line) ?? [];
    const suffixes = metric.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    if (!suffixes.some((suffix) => name === current + suffix))
      throw new Error(`No sample of ${current}: ${line}`);
    if (labelText !== "" && !labels.test(labelText)) throw new Error(`Malformed labels: ${line}`);
    if (!number.test(value)) throw new Error(`No number: ${line}`);
    if (metric.samples.has(name + labelText)) throw new Error(`A sample is there twice: ${line}`);
    metric.samples.set(name + labelText, Number(value.replace("Inf", "Infinity")));
  }
  for (const [name, metric] of metrics) judge(name, metric);
  return metrics;
}

function judge(name: string, { type, samples }: ParsedMetric): void {
  if (type === "") throw new Error(`${name} has no type.`);
  if ((type === "counter") !== name.endsWith("_total")) throw new Error(`${name} is no name for a ${type}.`);
  if (type === "counter" && [...samples.values()].some((value) => !(value >= 0))) {
    throw new Error(`The counter ${name} is no count.`);
  }
  if (type === "histogram") judgeBuckets(name, samples);
}

function judgeBuckets(name: string, samples: ReadonlyMap<string, number>): void {
  let last = 0;
  for (const [key, value] of samples) {
    if (key.startsWith(`${name}_sum`)) continue;
    if (key.startsWith(`${name}_count`)) {
      if (value !== last) throw new Error(`The buckets of ${name} do not add up.`);
      last = 0;
      continue;
    }
    if (value < last) throw new Error(`The buckets of ${name} do not rise.`);
    if (key.includes('le="+Inf"') && samples.get(countKey(name, key)) !== value) {
      throw new Error(`${name} has no count for ${key}.`);
    }
    last = value;
  }
}

function countKey(name: string, bucket: string): string {
  const rest = bucket.slice(`${name}_bucket`.length).replace(/,?le="\+Inf"/, "");
  return `${name}_count${rest === "{}" ? "" : rest}`;
}
