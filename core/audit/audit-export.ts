/** An export of the audit as text, verified as a whole, and what is told of that: for all commands that verify one. */

import { type PublicJwk, verifyJws } from '../signing/jws.ts';
import { parseSeal, sealJwsType } from './audit-seal.ts';
import { type AuditProblem, type AuditSummary, AuditVerifier } from './audit-verifier.ts';

/** What an export must hold beside being whole: see {@link AuditVerifier.finish}. */
export interface ExportExpectations {
  readonly until?: number | undefined;
  readonly includes?: string | undefined;
}

export interface VerifiedExport {
  /** What is wrong, in the order of the lines; nothing when it holds. */
  readonly problems: readonly AuditProblem[];
  readonly summary: AuditSummary;
}

/** Verifies an export line by line; empty lines are passed over. */
export async function verifyExport(
  lines: AsyncIterable<string>,
  keys: readonly PublicJwk[],
  demands: ExportExpectations = {},
): Promise<VerifiedExport> {
  const verifier = new AuditVerifier((jws) => parseSeal(verifyJws(jws, keys, sealJwsType)));
  for await (const line of lines) if (line !== '') verifier.addLine(parseJsonLine(line));
  return verifier.finish(demands);
}

/** The result for people, in lines. */
export function formatVerifiedExport({ problems, summary }: VerifiedExport): string {
  return [
    ...problems.map(({ code, detail }) => `${code}: ${detail}`),
    problems.length === 0 ? 'The export holds.' : `The export does not hold: ${problems.length} problems.`,
    `organization    ${summary.org ?? '-'}`,
    `seals           ${summary.seals}`,
    `records         ${summary.records}, and ${summary.expired} that were no longer kept`,
    `complete until  ${summary.completeUntil ?? '-'}`,
    `head            ${summary.head ?? '-'}`,
  ].join('\n');
}

/** A line as JSON; undefined, which the verifier refuses, when it is none. */
function parseJsonLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
