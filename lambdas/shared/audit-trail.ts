/** What a request leaves in the audit, and the port that takes it. */
import type { AuditRecord } from '../../contract/audit/wire.ts';

/** All that a request says of itself; id and time are made when it is written. */
export type AuditFacts = Omit<AuditRecord, 'id' | 'time'>;

/** What a request was about. */
export interface AuditSubject {
  readonly name?: string | undefined;
  readonly names?: readonly string[];
  readonly failed?: readonly string[];
}

export interface AuditTrail {
  /**
   * Writes the record of a request.
   * @param patience milliseconds until it gives up
   * @throws VaultError `audit_unavailable`: then nothing of the answer may be disclosed
   */
  write(facts: AuditFacts, patience: number): Promise<void>;
}
