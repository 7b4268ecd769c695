import { expect, test } from "bun:test";
import { readTraceSettings } from "./settings.ts";

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/" };

test("without an endpoint nothing is recorded, nor when it is switched off", () => {
  expect(readTraceSettings({})).toBeUndefined();
  expect(readTraceSettings({ OTEL_TRACES_SAMPLER_ARG: "1" })).toBeUndefined();
  expect(readTraceSettings({ ...endpoint, OTEL_SDK_DISABLED: "true" })).toBeUndefined();
  expect(readTraceSettings({ ...endpoint, OTEL_TRACES_EXPORTER: "none" })).toBeUndefined();
});

test("an endpoint is enough", () => {
  expect(readTraceSettings(endpoint)).toEqual({
    url: "http://collector:4318/v1/traces",
    headers: {},
    serviceName: "openworkers",
    sampler: { ratio: 1, parentBased: true },
    delayMs: 5_000,
    timeoutMs: 10_000,
    context: "trusted",
  });
});

test("what is said of traces goes before what is said of everything", () => {
  const settings = readTraceSettings({
    ...endpoint,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces.example.com/in",
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20secret, tenant=a",
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: "tenant=b",
    OTEL_SERVICE_NAME: "edge",
  });
  expect(settings).toMatchObject({
    url: "https://traces.example.com/in",
    headers: { authorization: "Bearer secret", tenant: "b" },
    serviceName: "edge",
  });
});

test("samplers are OpenTelemetry's", () => {
  const sampler = (OTEL_TRACES_SAMPLER?: string, OTEL_TRACES_SAMPLER_ARG?: string) =>
    readTraceSettings({ ...endpoint, OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG })?.sampler;
  expect(sampler(undefined, "0.1")).toEqual({ ratio: 0.1, parentBased: true });
  expect(sampler("traceidratio", "0.25")).toEqual({ ratio: 0.25, parentBased: false });
  expect(sampler("parentbased_always_off", "0.25")).toEqual({ ratio: 0, parentBased: true });
  expect(sampler("always_on", "0.25")).toEqual({ ratio: 1, parentBased: false });
});

for (const [name, value] of [
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"],
  ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "Bearer hush-hush"],
  ["OTEL_TRACES_SAMPLER", "jaeger_remote"],
  ["OTEL_TRACES_SAMPLER_ARG", "1.5"],
  ["OW_TRACE_CONTEXT", "yes"],
] as const) {
  test(`${name}=${value} is refused by name, without its value`, () => {
    const read = () => readTraceSettings({ ...endpoint, [name]: value });
    expect(read).toThrow(name);
    expect(read).not.toThrow("hush-hush");
  });
}
