/** Audit events and the port that stores them. */
import type { AuditRecord } from '../../contract/audit/wire.ts';

/** An audit record without ID and time, which are assigned when it is written. */
export type AuditEvent = Omit<AuditRecord, 'id' | 'time'>;

/** The subject of a request. */
export interface AuditSubject {
  readonly name?: string | undefined;
  readonly names?: readonly string[];
  readonly failed?: readonly string[];
  /** For uses of values. */
  readonly use?: Pick<AuditRecord, 'host' | 'method'> | undefined;
}

export interface AuditLog {
  /**
   * Writes the record of a request.
   * @param timeoutMs milliseconds until the write is abandoned
   * @throws VaultError `audit_unavailable`; then no part of the response may be disclosed
   */
  write(event: AuditEvent, timeoutMs: number): Promise<void>;
}
