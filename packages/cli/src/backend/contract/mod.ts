import { afterEach, beforeEach, describe } from "bun:test";
import { resourcesContract } from "./resources.ts";
import type { OpenSubject, Subject } from "./subject.ts";
import { workersContract } from "./workers.ts";

export { codeOf, emptyCode, input, type OpenSubject, type Subject } from "./subject.ts";

/** What commands may rely on, whichever backend they have; each test has a platform of its own. */
export function backendContract(name: string, open: OpenSubject): void {
  describe(name, () => {
    let subject: Subject;
    beforeEach(async () => {
      subject = await open();
    });
    afterEach(async () => {
      await subject[Symbol.asyncDispose]();
    });
    workersContract(() => subject);
    resourcesContract(() => subject);
  });
}
