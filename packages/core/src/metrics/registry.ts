import { Family } from "./family.ts";
import { Counter, Histogram } from "./instruments.ts";
import { metricHead, type Sample, sampleLine } from "./text.ts";

interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly samples: () => string;
}

const metricName = /^[a-z_][a-z0-9_]*$/;

/**
 * What a process tells of itself in numbers, as Prometheus reads it. Names have a unit at their end, in base units:
 * `_seconds`, `_bytes`; those of counters end in `_total`.
 *
 * @example
 * const requests = registry.counters("ow_requests_total", "Requests, by outcome.", ["outcome"]);
 * const ok = requests.of("ok");
 * ok.add();
 */
export class Registry {
  readonly #metrics = new Map<string, Metric>();

  counter(name: string, help: string): Counter {
    const counter = new Counter();
    this.#add({ name, type: "counter", help, samples: () => counter.text(name, {}) });
    return counter;
  }

  counters(name: string, help: string, labels: readonly string[]): Family<Counter> {
    const family = new Family(labels, () => new Counter());
    this.#add({ name, type: "counter", help, samples: () => textOf(family, name) });
    return family;
  }

  /** @param bounds of the buckets, rising, in the unit of the name */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    const histogram = new Histogram(bounds);
    this.#add({ name, type: "histogram", help, samples: () => histogram.text(name, {}) });
    return histogram;
  }

  histograms(
    name: string,
    help: string,
    labels: readonly string[],
    bounds: readonly number[],
  ): Family<Histogram> {
    const family = new Family(labels, () => new Histogram(bounds));
    this.#add({ name, type: "histogram", help, samples: () => textOf(family, name) });
    return family;
  }

  /** @param read asked whenever somebody looks */
  gauge(name: string, help: string, read: () => number | Iterable<Sample>): void {
    this.#add({ name, type: "gauge", help, samples: () => textOfRead(name, read()) });
  }

  /** A counter that somebody else keeps. */
  readCounter(name: string, help: string, read: () => number | Iterable<Sample>): void {
    this.#add({ name, type: "counter", help, samples: () => textOfRead(name, read()) });
  }

  /** All of it in Prometheus's text format 0.0.4. */
  text(): string {
    let text = "";
    for (const { name, type, help, samples } of this.#metrics.values()) {
      text += metricHead(name, type, help) + samples();
    }
    return text;
  }

  #add(metric: Metric): void {
    if (!metricName.test(metric.name) || this.#metrics.has(metric.name)) {
      throw new TypeError(`${metric.name} is no name for a metric, or taken.`);
    }
    this.#metrics.set(metric.name, metric);
  }
}

function textOf(family: Family<Counter | Histogram>, name: string): string {
  let text = "";
  for (const { labels, child } of family.all()) text += child.text(name, labels);
  return text;
}

function textOfRead(name: string, read: number | Iterable<Sample>): string {
  if (typeof read === "number") return sampleLine(name, {}, read);
  let text = "";
  for (const { labels, value } of read) text += sampleLine(name, labels, value);
  return text;
}
