import { expect, test } from "bun:test";
import { type LogLine, newId, type RequestId } from "@openworkers/core";
import { watchShortId } from "./short-id.ts";

function line(requestId: RequestId): LogLine {
  return {
    ...{ time: 0, workerId: newId<"worker">(), worker: "shop", versionId: newId<"version">(), version: 1 },
    ...{ kind: "line", level: "log", message: "", requestId },
  };
}

test("the end of an id that is that of several requests is told of, once", () => {
  const ids = [1, 2, 3].map((part) => `01890a5d-ac96-774b-bcce-b302c0de000${part}` as RequestId);
  const told: string[] = [];
  const watch = watchShortId({ requestId: "c0de0001" }, (text) => told.push(text));
  for (const id of [ids[0], ids[0]] as RequestId[]) watch(line(id));
  expect(told).toEqual([]);
  for (const id of [ids[1], ids[2], ids[0]] as RequestId[]) watch(line(id));
  expect(told).toHaveLength(1);
  expect(told[0]).toContain(`${ids[0]} and ${ids[1]}`);
});
