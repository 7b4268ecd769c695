import { describe, expect, test } from "bun:test";
import { AnswerReader } from "./event-answer.ts";

const said = { outcome: "ok", noRetry: false, ackAll: false, retryAll: false, decisions: [] };
const response = (
  body: string,
  head = `HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`,
) => Buffer.from(head + body);

describe("a cell's answer to an event", () => {
  test("is read from any pieces", () => {
    const bytes = response(JSON.stringify({ ...said, outcome: "exception", error: "Error: ü" }));
    const reader = new AnswerReader();
    for (let at = 0; at < bytes.length - 1; at++) {
      expect(reader.push(bytes.subarray(at, at + 1))).toBeUndefined();
    }
    expect(reader.push(bytes.subarray(-1))).toEqual({ ...said, outcome: "exception", error: "Error: ü" });
  });

  test.each([
    ["no HTTP", Buffer.from("hello\r\n\r\n")],
    ["a bare line feed", Buffer.from("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}")],
    ["another status", response(JSON.stringify(said), "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n")],
    ["no length", response("{}", "HTTP/1.1 200 OK\r\n\r\n")],
    ["chunks", response("2\r\n{}\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")],
    ["a length beyond all bounds", response("", "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")],
    ["an endless head", Buffer.alloc(300 * 1_024, "HTTP/1.1 200 OK\r\nx: y\r\n")],
    ["no JSON", response("{")],
    ["null", response("null")],
    ["an outcome that is the platform's to say", response(JSON.stringify({ ...said, outcome: "cpu-limit" }))],
    ["an endless error", response(JSON.stringify({ ...said, error: "x".repeat(4_001) }))],
    ["a delay that is no number", response(JSON.stringify({ ...said, delaySeconds: "9" }))],
    ["decisions that are none", response(JSON.stringify({ ...said, decisions: [1] }))],
  ])("is none when it is %s", (_, bytes) => {
    expect(new AnswerReader().push(bytes)).toBe("broken");
  });
});
