import type { Bus, Published } from "@openworkers/bus";
import { decodeLogBatch, type LogBatch, type LogRecord, OpenWorkersError } from "@openworkers/core";

export interface Publication {
  readonly subject: string;
  readonly id: string;
  readonly bytes: number;
  readonly batch: LogBatch;
}

/** The producer's side of a bus that does as the test says, at each publication. */
export class ScriptedBus implements Pick<Bus, "declare" | "publish"> {
  /** Everything that was tried, in order. */
  readonly tried: Publication[] = [];
  /** What was stored, in order. */
  readonly stored: Publication[] = [];
  declared = 0;
  mayDeclare = true;
  underWay = 0;
  mostUnderWay = 0;
  /** Rejects, or waits, before a message is stored. */
  before: (publication: Publication) => Promise<void> = async () => {};

  async declare(): Promise<void> {
    this.declared += 1;
    if (!this.mayDeclare) throw new OpenWorkersError("CONFIG_INVALID", "Another service makes the stream.");
  }

  async publish(subject: string, payload: Uint8Array, { id }: { readonly id: string }): Promise<Published> {
    const batch = decodeLogBatch(payload);
    const publication = { subject, id, bytes: payload.length, batch };
    this.tried.push(publication);
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    try {
      await this.before(publication);
    } finally {
      this.underWay -= 1;
    }
    this.stored.push(publication);
    return { seq: this.stored.length, duplicate: false };
  }

  records(worker: string): LogRecord[] {
    return this.stored.flatMap(({ batch }) => batch.records).filter((record) => record.worker === worker);
  }

  messages(worker: string): string[] {
    return this.records(worker).map((record) => (record.kind === "line" ? record.message : record.path));
  }
}

export const unavailable = () => new OpenWorkersError("BUS_UNAVAILABLE", "The bus is away.");
