/**
 * The proof of one use, for the person who allowed it (docs/format-approvals.md, section 4). It is verified with the newest
 * state of the directory, so it also counts if a device was suspended or revoked since. What held at the time of the use is
 * verified by approval-proofs.ts, which needs all entries.
 */
import type { DirectoryState } from '../directory/directory-state.ts';
import { fromBase64 } from '../encoding/bytes.ts';
import { verifyEd25519 } from '../hazmat/ed25519.ts';
import { isAnswerTo, namesDueShares, readAnswer } from './answer.ts';
import { approveRight } from './approval-keys.ts';
import { approvalClockToleranceMs } from './limits.ts';
import { isSignedBy } from './signed-statement.ts';
import { type ApprovalStatement, parseStatement } from './statement.ts';

/** The members of an audit record that prove a use, base64. */
export interface UseProof {
  /** RFC 3339, of the record. */
  readonly time: string;
  readonly statement: string;
  readonly signature: string;
  readonly answer: string;
}

/** What a proof shows. */
export interface ProvenUse {
  readonly facts: ApprovalStatement;
  /** The device that signed the answer. */
  readonly device: string;
  /** Milliseconds since 1970, by the clock of the device. */
  readonly answered: number;
}

/**
 * The use, if a broker of this person asked about it, and an approving device of this person said yes; undefined for
 * every other proof, also of another person.
 */
export function verifyUse(state: DirectoryState, person: string, proof: UseProof): ProvenUse | undefined {
  const [statement, signature, signed] = [proof.statement, proof.signature, proof.answer].map(fromBase64);
  const facts = statement && parseStatement(statement);
  // Another person's proof is the usual case, and must not cost two verifications.
  if (facts === undefined || facts.org !== state.org || facts.person !== person) return undefined;
  const read = signed && readAnswer(signed);
  if (statement === undefined || signature === undefined || read === undefined) return undefined;
  const { answer } = read;
  const time = Date.parse(proof.time);
  const isInTime = time >= facts.asked - approvalClockToleranceMs && time < facts.expires;
  if (!isInTime || answer.decision !== 'yes' || !isAnswerTo(answer, statement, facts)) return undefined;
  if (!namesDueShares(answer, facts)) return undefined;
  const device = state.devices.get(answer.device);
  if (device?.person !== person || device.role !== 'owner' || !device.can.includes(approveRight)) return undefined;
  if (!device.confirmed || !verifyEd25519(device.ik, read.bytes, read.signature)) return undefined;
  const isFromBroker = [...state.devices.values()].some(
    ({ role, person: whose, confirmed, ik }) =>
      role === 'broker' && whose === person && confirmed && isSignedBy(ik, { statement, signature }),
  );
  return isFromBroker ? { facts, device: device.id, answered: answer.time } : undefined;
}

/** The members of an audit record that say what a use was. */
export interface UseRecord {
  readonly principal: string;
  readonly names?: readonly string[] | undefined;
  readonly name?: string | undefined;
  readonly host?: string | undefined;
  readonly method?: string | undefined;
  readonly approval?: string | undefined;
}

/** Whether a record is of the use that a statement describes. */
export function isOfRecord(
  facts: ApprovalStatement,
  { principal, approval, host, method, name, names }: UseRecord,
): boolean {
  const used = new Set(names ?? (name === undefined ? [] : [name]));
  const stated = new Set(facts.values.map((value) => value.name));
  return (
    facts.keyId === principal &&
    facts.approval === approval &&
    // The audit leaves out the usual port, of http too.
    (facts.host === host || facts.host === `${host}:80`) &&
    facts.method === method &&
    used.size === stated.size &&
    [...used].every((one) => stated.has(one))
  );
}
