/** Leaves a record of each request before its answer leaves. */
import { randomBytes } from 'node:crypto';
import type { AuditRecord } from '../../contract/audit/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { AuditEvent, AuditLog } from '../shared/audit-log.ts';
import type { Clock } from '../shared/ports.ts';
import { AuditMarker } from './audit-marker.ts';
import type { AuditAppender } from './audit-ports.ts';

const daySeconds = 86_400;

/** What is told when the record can't be written; the request itself may have been carried out. */
const unrecordedDetail =
  'Nothing is disclosed that was not recorded. Whether something was changed is not known: send the same request again.';

export class AuditLogWriter implements AuditLog {
  readonly #writer: AuditAppender;
  readonly #retentionDays: number;
  readonly #clock: Clock;
  readonly #marker = new AuditMarker();

  /** @param retentionDays 0 keeps records for ever */
  constructor(writer: AuditAppender, retentionDays: number, clock: Clock) {
    this.#writer = writer;
    this.#retentionDays = retentionDays;
    this.#clock = clock;
  }

  async write(event: AuditEvent, timeoutMs: number): Promise<void> {
    const now = this.#clock();
    const time = now.getTime();
    const record: AuditRecord = { id: createTimeId(time, randomBytes(16)), time: now.toISOString(), ...event };
    const mark = this.#marker.markFor(event.org, time);
    const ttl = this.#retentionDays === 0 ? undefined : Math.ceil(time / 1000) + this.#retentionDays * daySeconds;
    try {
      await this.#writer.put({ record, ttl, mark }, timeoutMs);
    } catch {
      // Whatever the reason is: an answer without a record must not leave.
      throw new VaultError('audit_unavailable', { detail: unrecordedDetail });
    }
    if (mark !== undefined) this.#marker.confirmStored(event.org, time);
  }
}

/** For functions whose routes know no caller. Were there one all the same, it would get no answer. */
export const unavailableAuditLog: AuditLog = {
  write: () => Promise.reject(new VaultError('audit_unavailable', { detail: unrecordedDetail })),
};
