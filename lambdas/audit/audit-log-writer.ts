/** Writes the audit record of a request before its response is sent. */
import { randomBytes } from 'node:crypto';
import type { AuditRecord } from '../../contract/audit/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { AuditEvent, AuditLog } from '../shared/audit-log.ts';
import type { Clock } from '../shared/ports.ts';
import { AuditMarker } from './audit-marker.ts';
import type { AuditAppender } from './audit-ports.ts';

const daySeconds = 86_400;

/** Detail for a record that could not be written; the request itself may have succeeded. */
const unrecordedDetail =
  'The response is withheld because the request was not recorded. A change may have been made. ' +
  'Send the same request again.';

export class AuditLogWriter implements AuditLog {
  readonly #writer: AuditAppender;
  readonly #retentionDays: number;
  readonly #clock: Clock;
  readonly #marker = new AuditMarker();

  /** @param retentionDays days for which records are kept; 0 for no limit */
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
      // This applies to every cause: no response may be sent without a record.
      throw new VaultError('audit_unavailable', { detail: unrecordedDetail }, 'audit_write');
    }
    if (mark !== undefined) this.#marker.confirmStored(event.org, time);
  }
}

/** For functions whose routes have no authenticated caller. If one of them did, its response would be withheld. */
export const unavailableAuditLog: AuditLog = {
  write: () => Promise.reject(new VaultError('audit_unavailable', { detail: unrecordedDetail }, 'audit_write')),
};
