/**
 * Verifies offline who allowed which uses of values (docs/format-approvals.md, section 4): from the records of the audit and
 * the entries of the directory alone. That the records are complete is shown by their seals (docs/format.md, section 8).
 */
import { applyEntry } from '../directory/apply-entry.ts';
import { type DirectoryHead, type DirectoryState, initialDirectory } from '../directory/directory-state.ts';
import { equalBytes, fromBase64 } from '../encoding/bytes.ts';
import { type AnswerRefusal, judgeAnswer, readAnswer } from './answer.ts';
import { brokersOf } from './approval-keys.ts';
import { approvalClockToleranceMs } from './limits.ts';
import { isSignedBy } from './signed-statement.ts';
import { type ApprovalScope, parseStatement, type UsedValue, usesOf } from './statement.ts';
import { isOfRecord, type UseRecord } from './use-proof.ts';

/** The members of audit records that are read. */
export interface ProofRecord extends UseRecord {
  readonly time: string;
  readonly org: string;
  readonly requestId: string;
  readonly result: string;
  readonly statement?: string | undefined;
  readonly signature?: string | undefined;
  readonly answer?: string | undefined;
}

/** A use that the device of a person allowed. */
export interface AllowedUse {
  readonly requestId: string;
  /** RFC 3339, of the record. */
  readonly time: string;
  readonly approval: string;
  readonly person: string;
  /** The device that signed the answer. */
  readonly device: string;
  /** Milliseconds since 1970, by the clock of the device. */
  readonly answered: number;
  readonly keyId: string;
  readonly agent: string;
  readonly run: string;
  readonly host: string;
  readonly method: string;
  readonly values: readonly UsedValue[];
  readonly scope: ApprovalScope;
  /** Result of the request; `unknown` if the records have none. */
  readonly outcome: string;
}

export type ProofProblem =
  | 'malformed'
  | 'other_record'
  | 'other_directory'
  | 'unknown_broker'
  | 'not_approver'
  | 'bad_signature'
  | 'other_shares'
  | 'other_question'
  | 'not_allowed'
  | 'expired'
  | 'used_too_often';

export interface VerifiedProofs {
  readonly uses: readonly AllowedUse[];
  readonly problems: readonly { readonly requestId: string; readonly problem: ProofProblem }[];
  /** Head of the given directory: compare it, or a pin of it, with what somebody else knows. */
  readonly head: DirectoryHead;
}

/** The states of a directory after each of its entries. @throws RangeError if a client would stop at an entry */
function statesOf(org: string, entries: readonly Uint8Array[]): readonly DirectoryState[] {
  const states = [initialDirectory(org)];
  for (const signed of entries) {
    const outcome = applyEntry(states.at(-1) ?? initialDirectory(org), signed);
    if (outcome.result === 'stop') throw new RangeError(`entry ${states.length} of the directory: ${outcome.reason}`);
    states.push(outcome.state);
  }
  return states;
}

/**
 * Verifies all records `started` that have a proof.
 * @param entries signed entries of the directory from the first one on
 * @throws RangeError for an invalid directory
 */
export function verifyApprovalProofs(
  org: string,
  entries: readonly Uint8Array[],
  records: Iterable<ProofRecord>,
): VerifiedProofs {
  const states = statesOf(org, entries);
  const all = [...records];
  const results = new Map(all.flatMap(({ requestId, result }) => (result === 'started' ? [] : [[requestId, result]])));
  const problems: { requestId: string; problem: ProofProblem }[] = [];
  const uses: AllowedUse[] = [];
  for (const record of all.filter(({ statement }) => statement !== undefined)) {
    const { requestId } = record;
    const found = verifyOne(org, states, record);
    if (typeof found === 'string') problems.push({ requestId, problem: found });
    else uses.push({ ...found, outcome: results.get(requestId) ?? 'unknown' });
  }
  const tooMany = usedTooOften(uses).map((requestId) => ({ requestId, problem: 'used_too_often' as const }));
  return { uses, problems: [...problems, ...tooMany], head: states.at(-1)?.head ?? initialDirectory(org).head };
}

/** Requests to which a host answered after as many as their approval covers. Others may have sent nothing. */
function usedTooOften(uses: readonly AllowedUse[]): string[] {
  const counts = new Map<string, number>();
  return uses.flatMap(({ requestId, approval, scope, outcome }) => {
    if (outcome !== 'ok') return [];
    const count = (counts.get(approval) ?? 0) + 1;
    counts.set(approval, count);
    return count > usesOf(scope) ? [requestId] : [];
  });
}

function verifyOne(
  org: string,
  states: readonly DirectoryState[],
  record: ProofRecord,
): Omit<AllowedUse, 'outcome'> | ProofProblem {
  const [statement, signature, signed] = [record.statement, record.signature, record.answer].map((text) =>
    text === undefined ? undefined : fromBase64(text),
  );
  const facts = statement && parseStatement(statement);
  const read = signed && readAnswer(signed);
  if (statement === undefined || signature === undefined || facts === undefined || read === undefined)
    return 'malformed';
  if (record.org !== org || !isOfRecord(facts, record)) return 'other_record';
  const [asked, answered] = [facts.head, read.answer.head].map((head) => stateAt(states, head));
  if (asked === undefined || answered === undefined) return 'other_directory';
  if (!brokersOf(asked, facts.person).some(({ ik }) => isSignedBy(ik, { statement, signature })))
    return 'unknown_broker';
  const now = Date.parse(record.time);
  if (!(now >= facts.asked - approvalClockToleranceMs)) return 'expired';
  const refusal = judgeAnswer(read, { state: answered, statement, facts, now, relationOf: () => 'known' });
  if (refusal !== undefined) return isOfDirectory(refusal) ? 'other_directory' : refusal;
  if (read.answer.decision !== 'yes') return 'not_allowed';
  const { approval, person, keyId, agent, run, host, method, values, scope } = facts;
  const { device, time } = read.answer;
  return {
    ...{ requestId: record.requestId, time: record.time, approval, person, device, answered: time },
    ...{ keyId, agent, run, host, method, values, scope },
  };
}

type DirectoryRefusal = Extract<AnswerRefusal, `directory_${string}`>;
const isOfDirectory = (refusal: AnswerRefusal): refusal is DirectoryRefusal => refusal.startsWith('directory_');

/** The state after an entry, if its hash is the given one. */
function stateAt(states: readonly DirectoryState[], { seq, hash }: DirectoryHead): DirectoryState | undefined {
  const state = states[seq];
  return state !== undefined && equalBytes(state.head.hash, hash) ? state : undefined;
}
