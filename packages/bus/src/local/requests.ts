import { messageOf, OpenWorkersError, type Report, within } from "@openworkers/core";
import { matches } from "../subjects.ts";

type Answer = (payload: Uint8Array) => Promise<Uint8Array>;

/** Who answers requests in this process. */
export class Requests {
  readonly #groups = new Map<string, { readonly subject: string; readonly members: Answer[] }>();
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  /** As `Bus.request`. */
  async request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const groups = [...this.#groups.values()].filter((group) => matches(group.subject, subject));
    if (groups.length === 0) throw new OpenWorkersError("NOT_FOUND", `Nobody answers ${subject}.`);
    // Each group hears it, and the first answer counts: as NATS has it.
    const answers = groups.flatMap(({ members }) => {
      const member = members.shift();
      if (member === undefined) return [];
      members.push(member);
      return [this.#ask(member, subject, payload.slice())];
    });
    const answer = await within(Promise.race(answers), timeoutMs);
    if (answer !== undefined) return answer;
    throw new OpenWorkersError("BUS_UNAVAILABLE", `Nobody answered ${subject} within ${timeoutMs} ms.`);
  }

  /** As `Bus.respond`. */
  respond(subject: string, group: string, answer: Answer): AsyncDisposable {
    const under = new Set<Promise<unknown>>();
    const member: Answer = (payload) => {
      const work = answer(payload);
      const settled = work.then(
        () => {},
        () => {}, // whoever asked is told
      );
      under.add(settled);
      void settled.then(() => under.delete(settled));
      return work;
    };
    const key = `${subject} ${group}`;
    const members = this.#groups.get(key)?.members ?? [];
    members.push(member);
    this.#groups.set(key, { subject, members });
    return {
      [Symbol.asyncDispose]: async () => {
        const at = members.indexOf(member);
        if (at >= 0) members.splice(at, 1);
        if (members.length === 0) this.#groups.delete(key);
        await Promise.all(under);
      },
    };
  }

  async #ask(answer: Answer, subject: string, payload: Uint8Array): Promise<Uint8Array> {
    try {
      return await answer(payload);
    } catch (cause) {
      this.#report("A request on the bus failed.", { subject, error: messageOf(cause) });
      throw new OpenWorkersError("BUS_UNAVAILABLE", `Whoever answers ${subject} failed.`, { cause });
    }
  }
}
