/** Verifies an audit export in text form and formats the result. Used by every command that verifies an export. */

import { type PublicJwk, verifyJws } from '../signing/jws.ts';
import { parseSeal, sealJwsType } from './audit-seal.ts';
import { type AuditProblem, type AuditSummary, AuditVerifier, type ExportExpectations } from './audit-verifier.ts';

export interface VerifiedExport {
  /** All problems, in the order of the lines; empty when the export is valid. */
  readonly problems: readonly AuditProblem[];
  readonly summary: AuditSummary;
}

/** Verifies an export line by line. Empty lines are skipped. */
export async function verifyExport(
  lines: AsyncIterable<string>,
  keys: readonly PublicJwk[],
  demands: ExportExpectations = {},
): Promise<VerifiedExport> {
  const verifier = new AuditVerifier((jws) => parseSeal(verifyJws(jws, keys, sealJwsType)));
  for await (const line of lines) if (line !== '') verifier.addLine(parseJsonLine(line));
  return verifier.finish(demands);
}

/** Formats the result for people, one fact per line. */
export function formatVerifiedExport({ problems, summary }: VerifiedExport): string {
  return [
    ...problems.map(({ code, detail }) => `${code}: ${detail}`),
    problems.length === 0 ? 'The export is valid.' : `The export is not valid. Problems found: ${problems.length}`,
    `organization    ${summary.org ?? '-'}`,
    `seals           ${summary.seals}`,
    `records         ${summary.records}, and ${summary.expired} expired (not in the export)`,
    `complete until  ${summary.completeUntil ?? '-'}`,
    `head            ${summary.head ?? '-'}${summary.headSeq === undefined ? '' : `, seal ${summary.headSeq}`}`,
  ].join('\n');
}

/** Parses a line as JSON. Returns undefined for invalid JSON; the verifier reports undefined as malformed. */
function parseJsonLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
