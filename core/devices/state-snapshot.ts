/**
 * The state of a chain as bytes, so that a device does not verify the whole chain again when it starts. Only the device
 * itself reads them. It must store them encrypted and authenticated: a changed snapshot would be believed.
 */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, encodeFieldBytes, u32Bytes, u64Bytes } from '../encoding/bytes.ts';
import {
  decodeFieldBytes,
  decodeTextField,
  decodeU32Field,
  decodeU64Field,
  fieldOfLength,
} from '../encoding/field-reader.ts';
import { pointLength } from '../hazmat/p256.ts';
import { hashLength } from './chain-entry.ts';
import {
  type ChainState,
  type EntryRef,
  encodeRecordLeaf,
  type Member,
  type RecordHead,
  toRecordMap,
} from './chain-state.ts';
import type { Role } from './roster-body.ts';
import { deviceIdOf, scopeFields, type VaultScope } from './vault-scope.ts';

const label = 'anima:chain-state:v1';

const encodeRef = (ref: EntryRef | undefined): Bytes =>
  ref === undefined ? new Uint8Array(0) : encodeFieldBytes(u64Bytes(ref.seq), ref.hash);

const encodeMember = ({ ecdh, ecdsa, role, label: name, since, lastSeq, lastTime }: Member): Bytes =>
  encodeFieldBytes(ecdh, ecdsa, role, name, u64Bytes(since), u64Bytes(lastSeq), lastTime);

export const encodeState = (state: ChainState): Bytes =>
  encodeFieldBytes(
    label,
    ...scopeFields(state.scope),
    encodeRef(state.head),
    state.genesis,
    encodeFieldBytes(state.roster.hash, u32Bytes(state.roster.count)),
    u32Bytes(state.epoch),
    encodeFieldBytes(...state.epochs.flatMap(({ commitment, wraps }) => [commitment, wraps])),
    Uint8Array.of(state.rotationDue ? 1 : 0, state.closed ? 1 : 0),
    encodeFieldBytes(...[...state.members.values()].map(encodeMember)),
    encodeFieldBytes(...state.usedIds),
    state.recoveryBox ?? '',
    encodeFieldBytes(...state.records.values().map(encodeRecordLeaf)),
    encodeFieldBytes(u64Bytes(state.entries.count), ...state.entries.subtrees),
    encodeRef(state.checkpoint),
    state.checkpoint?.signer ?? '',
    encodeRef(state.acknowledged),
  );

const required = <T>(value: T | undefined): T => {
  if (value === undefined) throw new DecryptionError();
  return value;
};
const fieldsOf = (field: Bytes | undefined): readonly Bytes[] => required(decodeFieldBytes(required(field)));
const hashOf = (field: Bytes | undefined): Bytes => required(fieldOfLength(field, hashLength));

function parseRef(field: Bytes | undefined): EntryRef | undefined {
  const [seq, hash] = fieldsOf(field);
  return seq === undefined ? undefined : { seq: required(decodeU64Field(seq)), hash: hashOf(hash) };
}

async function parseMember(encoded: Bytes): Promise<Member> {
  const [ecdhField, ecdsaField, role, name, since, lastSeq, lastTime] = fieldsOf(encoded);
  const ecdh = required(fieldOfLength(ecdhField, pointLength));
  const ecdsa = required(fieldOfLength(ecdsaField, pointLength));
  const roles: readonly Role[] = ['admin', 'data', 'recovery'];
  return {
    id: await deviceIdOf({ ecdh, ecdsa }),
    ecdh,
    ecdsa,
    role: required(roles.find((one) => one === decodeTextField(role))),
    label: new Uint8Array(required(name)),
    since: required(decodeU64Field(since)),
    lastSeq: required(decodeU64Field(lastSeq)),
    lastTime: required(decodeTextField(lastTime)),
  };
}

function parseRecordHead(encoded: Bytes): RecordHead {
  const [type, id, version, hash, epoch] = fieldsOf(encoded);
  return {
    type: required(decodeTextField(type)),
    id: required(decodeTextField(id)),
    version: required(decodeU64Field(version)),
    hash: hashOf(hash),
    epoch: required(decodeU32Field(epoch)),
  };
}

function parseEpochs(fields: readonly Bytes[]): ChainState['epochs'] {
  return Array.from({ length: fields.length / 2 }, (_, at) => ({
    commitment: hashOf(fields[2 * at]),
    wraps: hashOf(fields[2 * at + 1]),
  }));
}

/** @throws DecryptionError for any other form, and for another vault */
export async function decodeState(scope: VaultScope, encoded: Uint8Array): Promise<ChainState> {
  const fields = decodeFieldBytes(encoded) ?? [];
  const names = [label, ...scopeFields(scope)];
  if (fields.length !== 18 || names.some((name, at) => name !== decodeTextField(fields[at])))
    throw new DecryptionError();
  const [head, genesis, roster, epoch, epochs, flags, members, usedIds, box, records, tree, ...marks] = fields.slice(4);
  const [rosterHash, rosterCount] = fieldsOf(roster);
  const [count, ...subtrees] = fieldsOf(tree);
  const [checkpoint, signer] = [parseRef(marks[0]), required(decodeTextField(marks[1]))];
  const parsedMembers = await Promise.all(fieldsOf(members).map(parseMember));
  return {
    scope,
    head: required(parseRef(head)),
    genesis: hashOf(genesis),
    roster: { hash: hashOf(rosterHash), count: required(decodeU32Field(rosterCount)) },
    epoch: required(decodeU32Field(epoch)),
    epochs: parseEpochs(fieldsOf(epochs)),
    rotationDue: flags?.[0] === 1,
    members: new Map(parsedMembers.map((member) => [member.id, member])),
    usedIds: new Set(fieldsOf(usedIds).map((id) => required(decodeTextField(id)))),
    recoveryBox: box?.length === 0 ? undefined : hashOf(box),
    records: toRecordMap(fieldsOf(records).map(parseRecordHead)),
    entries: { count: required(decodeU64Field(count)), subtrees: subtrees.map(hashOf) },
    checkpoint: checkpoint && { ...checkpoint, signer },
    acknowledged: parseRef(marks[2]),
    closed: flags?.[1] === 1,
  };
}
