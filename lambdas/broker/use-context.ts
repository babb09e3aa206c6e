import type { ApprovalProof } from '../approvals/approval-gate.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { ReadValue } from '../shared/ports.ts';
import type { OnTripwire, ValuesByName } from '../values/value-reader.ts';

/** The authorized caller of one request, as far as the broker needs it. */
export interface UseContext {
  readonly org: string;
  /** Id of the API key, and what the caller states in headers; empty if it states nothing. */
  readonly keyId: string;
  /** Id of the login that gave the key, or the key that created it; undefined for other keys. */
  readonly login?: string | undefined;
  readonly agent: string;
  readonly run: string;
  readonly keys: OpenKeyring;
  /** The values that the request names and that the caller may use. */
  readonly values: ValuesByName;
  /** Called for each tripwire that the request uses, also if its rules refuse that. */
  readonly onTripwire: OnTripwire;
  /** Reads a value and the keyring again. The caller's permissions are not checked. */
  reload(name: string): Promise<{ readonly keys: OpenKeyring; readonly stored: ReadValue | undefined }>;
  /** Hosts of the vault itself, with ports. */
  readonly ownHosts: readonly string[];
  /** Writes the audit record that precedes the use. @param proof if a person allowed it @throws VaultError `audit_unavailable` */
  recordStart(proof: ApprovalProof | undefined): Promise<void>;
  /** When the function must have responded, milliseconds since 1970. */
  readonly deadline: number;
}
