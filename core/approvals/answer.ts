/** Answers: signed by a device, judged by the broker and by anybody later (docs/format-approvals.md, section 3). */
import { hashLength } from '../directory/directory-ids.ts';
import type { HeadRelation } from '../directory/directory-pin.ts';
import type { DirectoryHead, DirectoryState } from '../directory/directory-state.ts';
import { parseHashId } from '../directory/entry-bodies.ts';
import { type Bytes, encodeFieldBytes, equalBytes, u64Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU64Field, fieldOfLength } from '../encoding/field-reader.ts';
import { type Ed25519KeyPair, signEd25519, verifyEd25519 } from '../hazmat/ed25519.ts';
import { findApprover } from './approval-keys.ts';
import { readSigned } from './signed-statement.ts';
import { type ApprovalStatement, statementHash } from './statement.ts';

export type Decision = 'yes' | 'no';

export interface ApprovalAnswer {
  readonly org: string;
  readonly approval: string;
  readonly statementHash: Bytes;
  readonly device: string;
  readonly decision: Decision;
  /** Milliseconds since 1970, by the clock of the device. */
  readonly time: number;
  /** Head of the directory that the device verified. */
  readonly head: DirectoryHead;
  /** Hash of the shares, if there are any. */
  readonly sharesHash?: Bytes | undefined;
}

const label = 'anima:approval-answer:v1';
const answerFields = 10;

function encodeAnswer(answer: ApprovalAnswer): Bytes {
  const { org, approval, device, decision, time, head, sharesHash } = answer;
  return encodeFieldBytes(
    ...[label, org, approval, answer.statementHash, device, decision, u64Bytes(time)],
    ...[u64Bytes(head.seq), head.hash, sharesHash ?? ''],
  );
}

/** The answer and its signature, as the device sends them. */
export function signAnswer(answer: ApprovalAnswer, ik: Ed25519KeyPair): Bytes {
  const bytes = encodeAnswer(answer);
  return encodeFieldBytes(bytes, signEd25519(ik.seed, bytes));
}

/** An answer whose signature was not verified yet. */
export interface ReadAnswer {
  readonly answer: ApprovalAnswer;
  readonly bytes: Bytes;
  readonly signature: Bytes;
}

/** Parses what a device sends; undefined for any other form. Nothing of it is verified. */
export function readAnswer(signed: Uint8Array): ReadAnswer | undefined {
  const read = readSigned(signed);
  const answer = read && parseAnswer(read.statement);
  return answer && { answer, bytes: read.statement, signature: read.signature };
}

function parseAnswer(bytes: Bytes): ApprovalAnswer | undefined {
  const fields = decodeFieldBytes(bytes);
  if (fields?.length !== answerFields) return undefined;
  const [what, org, approval] = fields.slice(0, 3).map(decodeTextField);
  const [statement, device, decision] = [
    fieldOfLength(fields[3], hashLength),
    parseHashId(fields[4]),
    decodeTextField(fields[5]),
  ];
  const [time, seq] = [decodeU64Field(fields[6]), decodeU64Field(fields[7])];
  const hash = fieldOfLength(fields[8], hashLength);
  const sharesHash = fields[9]?.length === 0 ? undefined : fieldOfLength(fields[9], hashLength);
  if (what !== label || org === undefined || approval === undefined || statement === undefined) return undefined;
  if (device === undefined || (decision !== 'yes' && decision !== 'no')) return undefined;
  if (time === undefined || seq === undefined || hash === undefined) return undefined;
  if (sharesHash === undefined && fields[9]?.length !== 0) return undefined;
  const head = { seq, hash };
  return { org, approval, statementHash: statement, device, decision, time, head, sharesHash };
}

/**
 * Why a broker does not act on an answer. `directory_behind`: the directory of the broker lacks what the device knows, so
 * its newest entries may have been taken away. `directory_unknown`: the entry is not one of the newest 2,000.
 */
export type AnswerRefusal =
  | 'other_question'
  | 'directory_behind'
  | 'directory_forked'
  | 'directory_unknown'
  | 'not_approver'
  | 'bad_signature'
  | 'other_shares'
  | 'expired';

/** What a broker knows when it judges an answer. */
export interface AnswerContext {
  /** The verified directory, up to its newest entry. */
  readonly state: DirectoryState;
  /** The bytes of the statement that the broker signed, and its facts. */
  readonly statement: Uint8Array;
  readonly facts: ApprovalStatement;
  /** Milliseconds since 1970. */
  readonly now: number;
  relationOf(head: DirectoryHead): HeadRelation;
}

/** Whether an answer names this statement. */
export const isAnswerTo = (answer: ApprovalAnswer, statement: Uint8Array, facts: ApprovalStatement): boolean =>
  answer.org === facts.org &&
  answer.approval === facts.approval &&
  equalBytes(answer.statementHash, statementHash(statement));

/** Whether an answer has shares exactly if it must. */
export const namesDueShares = ({ decision, sharesHash }: ApprovalAnswer, { requestKey }: ApprovalStatement): boolean =>
  (decision === 'yes' && requestKey !== undefined) === (sharesHash !== undefined);

/** Judges an answer in the order of section 3. @returns undefined if it counts */
export function judgeAnswer(read: ReadAnswer, context: AnswerContext): AnswerRefusal | undefined {
  const { answer, bytes, signature } = read;
  const { state, statement, facts, now } = context;
  if (state.org !== facts.org || !isAnswerTo(answer, statement, facts)) return 'other_question';
  const relation = context.relationOf(answer.head);
  if (relation === 'ahead') return 'directory_behind';
  if (relation === 'forked') return 'directory_forked';
  if (relation === 'older') return 'directory_unknown';
  const approver = findApprover(state, answer.device, now);
  if (approver?.person !== facts.person) return 'not_approver';
  if (!verifyEd25519(approver.ik, bytes, signature)) return 'bad_signature';
  if (!namesDueShares(answer, facts)) return 'other_shares';
  return now < facts.expires ? undefined : 'expired';
}
