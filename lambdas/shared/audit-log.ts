/** What a request leaves in the audit, and the port that takes it. */
import type { AuditRecord } from '../../contract/audit/wire.ts';

/** All that a request says of itself; id and time are made when it is written. */
export type AuditEvent = Omit<AuditRecord, 'id' | 'time'>;

/** What a request was about. */
export interface AuditSubject {
  readonly name?: string | undefined;
  readonly names?: readonly string[];
  readonly failed?: readonly string[];
}

export interface AuditLog {
  /**
   * Writes the record of a request.
   * @param timeoutMs milliseconds until it gives up
   * @throws VaultError `audit_unavailable`: then nothing of the answer may be disclosed
   */
  write(event: AuditEvent, timeoutMs: number): Promise<void>;
}
