/** Leaves a record of each request before its answer leaves. */
import { randomBytes } from 'node:crypto';
import type { AuditRecord } from '../../contract/audit/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { AuditFacts, AuditTrail } from '../shared/audit-trail.ts';
import type { Clock } from '../shared/ports.ts';
import { Marker } from './audit-checkpoints.ts';
import type { AuditWriter } from './audit-ports.ts';

const day = 86_400;

/** What is told when the record can't be written; the request itself may have been carried out. */
const unknown =
  'Nothing is disclosed that was not recorded. Whether something was changed is not known: send the same request again.';

export class StoredAuditTrail implements AuditTrail {
  readonly #writer: AuditWriter;
  readonly #retentionDays: number;
  readonly #clock: Clock;
  readonly #marker = new Marker();

  /** @param retentionDays 0 keeps records for ever */
  constructor(writer: AuditWriter, retentionDays: number, clock: Clock) {
    this.#writer = writer;
    this.#retentionDays = retentionDays;
    this.#clock = clock;
  }

  async write(facts: AuditFacts, patience: number): Promise<void> {
    const now = this.#clock();
    const time = now.getTime();
    const record: AuditRecord = { id: createTimeId(time, randomBytes(16)), time: now.toISOString(), ...facts };
    const mark = this.#marker.mark(facts.org, time);
    const ttl = this.#retentionDays === 0 ? undefined : Math.ceil(time / 1000) + this.#retentionDays * day;
    try {
      await this.#writer.put({ record, ttl, mark }, patience);
    } catch {
      // Whatever the reason is: an answer without a record must not leave.
      throw new VaultError('audit_unavailable', { detail: unknown });
    }
    if (mark !== undefined) this.#marker.stored(facts.org, time);
  }
}

/** For functions whose routes know no caller. Were there one all the same, it would get no answer. */
export const noAuditTrail: AuditTrail = {
  write: () => Promise.reject(new VaultError('audit_unavailable', { detail: unknown })),
};
