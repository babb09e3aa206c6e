/** The signed entries of a directory, as the service shows them, for verification elsewhere. */
import {
  type ProofRecord,
  type VerifiedProofs,
  verifyApprovalProofs,
} from '../../../../core/approvals/approval-proofs.ts';
import { boundedTransport } from '../../http/bounded-transport.ts';
import { type AnimaOptions, type CallOptions, resolveClientSettings } from '../../shared/client-options.ts';
import { adminRequests } from '../requests/admin-requests.ts';
import { sessionError } from '../session-errors.ts';

export type {
  AllowedUse,
  ProofProblem,
  ProofRecord,
  VerifiedProofs,
} from '../../../../core/approvals/approval-proofs.ts';

/** All signed entries, from the first one on. Needs an API key with `directory.read`. Nothing is verified. */
export async function exportDirectory(options: AnimaOptions & CallOptions): Promise<readonly Uint8Array[]> {
  const transport = boundedTransport(resolveClientSettings(options));
  const requests = adminRequests(transport);
  // The options of the client are the defaults of its calls.
  const settings = transport.callSettings({});
  const entries: Uint8Array[] = [];
  for (let more = true; more; ) {
    const page = await requests.entries(entries.length, settings);
    entries.push(...page.entries);
    more = page.more && page.entries.length > 0;
  }
  return entries;
}

/**
 * Verifies who allowed which uses of values, from records of the audit and the entries of the directory alone.
 * @param records all records of a verified export of the org; those without a proof are needed for the outcomes
 * @throws SessionError bad_directory
 */
export function verifyApprovals(
  org: string,
  directory: readonly Uint8Array[],
  records: Iterable<ProofRecord>,
): VerifiedProofs {
  try {
    return verifyApprovalProofs(org, directory, records);
  } catch (error) {
    throw error instanceof RangeError ? sessionError('bad_directory', error.message) : error;
  }
}
