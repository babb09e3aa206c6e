/** The leaves of the state (docs/format-directory.md, section 8): the whole state except for the head and the tree. */
import { PersistentMap } from '../devices/persistent-map.ts';
import { type Bytes, encodeFieldBytes, toHex, u64Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU64Field, fieldOfLength } from '../encoding/field-reader.ts';
import { deviceIdOf, fleetIdOf, hashLength, isOpaqueName, keyLength, linkIdOf } from './directory-ids.ts';
import {
  type Device,
  type DirectoryState,
  type Fleet,
  type FleetMember,
  initialDirectory,
  type Link,
  type SubjectStatus,
} from './directory-state.ts';
import { parseDeviceFacts, parseFleetFacts, parseHashId, parseKeyList } from './entry-bodies.ts';
import { compareBytes, encodeList, encodeTextList, isAscending, parseTextList } from './lists.ts';

const confirmation = (confirmed: boolean): string => (confirmed ? 'confirmed' : 'pending');

const addedFields = ({ since, entry }: Pick<Device, 'since' | 'entry'>) => [u64Bytes(since), entry] as const;

const statusFields = ({ confirmed, status, changed }: Pick<Device, 'confirmed' | 'status' | 'changed'>) =>
  [confirmation(confirmed), status, u64Bytes(changed)] as const;

function encodeDevice(device: Device): Bytes {
  const { ik, dh, person, role, can, expires, name, invite } = device;
  const facts = [ik, dh, person, role, encodeTextList(can), u64Bytes(expires), name, invite] as const;
  return encodeFieldBytes('device', ...facts, ...addedFields(device), ...statusFields(device));
}

function encodeFleet(fleet: Fleet): Bytes {
  const { key, person, can, expires } = fleet;
  const facts = [key, person, encodeTextList(can), u64Bytes(expires)] as const;
  return encodeFieldBytes('fleet', ...facts, ...addedFields(fleet), ...statusFields(fleet));
}

const encodeMember = ({ id, fleet, status, changed }: FleetMember): Bytes =>
  encodeFieldBytes('member', id, fleet, status, u64Bytes(changed));

const encodeLink = (link: Link): Bytes =>
  encodeFieldBytes('link', link.a, link.b, ...addedFields(link), encodeTextList(link.waiting));

const encodeOrg = ({ org, genesis, recovery, authorities }: DirectoryState): Bytes =>
  encodeFieldBytes('org', org, genesis, recovery, encodeList(authorities));

/** The leaves of the state, in ascending order. */
export const encodeLeaves = (state: DirectoryState): Bytes[] =>
  [
    encodeOrg(state),
    ...state.retired.map((key) => encodeFieldBytes('key', key)),
    ...state.devices.values().map(encodeDevice),
    ...[...state.fleets.values()].map(encodeFleet),
    ...state.members.values().map(encodeMember),
    ...[...state.links.values()].map(encodeLink),
  ].toSorted(compareBytes);

const statuses = ['active', 'suspended', 'revoked'] as const satisfies SubjectStatus[];

/** The fields of `confirmed`, `status` and `changed`. */
function parseStatus(
  fields: readonly (Bytes | undefined)[],
): Pick<Device, 'confirmed' | 'status' | 'changed'> | undefined {
  const [text, statusText] = [decodeTextField(fields[0]), decodeTextField(fields[1])];
  const [status, changed] = [statuses.find((one) => one === statusText), decodeU64Field(fields[2])];
  if ((text !== 'confirmed' && text !== 'pending') || status === undefined || changed === undefined) return undefined;
  return { confirmed: text === 'confirmed', status, changed };
}

function parseAdded(
  since: Bytes | undefined,
  entry: Bytes | undefined,
): { readonly since: number; readonly entry: Bytes } | undefined {
  const [seq, hash] = [decodeU64Field(since), fieldOfLength(entry, hashLength)];
  return seq === undefined || hash === undefined ? undefined : { since: seq, entry: hash };
}

function parseDevice(org: string, [ik, dh, person, role, ...rest]: readonly Bytes[]): Device | undefined {
  const [can, expires, name, invite, since, entry, ...status] = rest;
  const fields = [person, role, can, ik, dh, expires, name, invite].filter((field) => field !== undefined);
  const [facts, added, state] = [parseDeviceFacts(fields), parseAdded(since, entry), parseStatus(status)];
  return facts && added && state && { id: deviceIdOf(org, facts), ...facts, ...added, ...state };
}

function parseFleet(org: string, fields: readonly Bytes[]): Fleet | undefined {
  const [facts, added] = [parseFleetFacts(fields.slice(0, 4)), parseAdded(fields[4], fields[5])];
  const state = parseStatus(fields.slice(6));
  return facts && added && state && { id: fleetIdOf(org, facts.key), ...facts, ...added, ...state };
}

function parseMember([idField, fleetField, statusField, changedField]: readonly Bytes[]): FleetMember | undefined {
  const [id, fleet] = [parseHashId(idField), parseHashId(fleetField)];
  const text = decodeTextField(statusField);
  const [status, changed] = [statuses.find((one) => one === text), decodeU64Field(changedField)];
  if (id === undefined || fleet === undefined || status === undefined || changed === undefined) return undefined;
  return { id, fleet, status, changed };
}

function parseLink(org: string, fields: readonly Bytes[]): Link | undefined {
  const [a, b, added] = [parseHashId(fields[0]), parseHashId(fields[1]), parseAdded(fields[2], fields[3])];
  const waiting = parseTextList(fields[4], 2, isOpaqueName);
  if (a === undefined || b === undefined || added === undefined || waiting === undefined) return undefined;
  return { id: linkIdOf(org, a, b), a, b, ...added, waiting };
}

/** The parts of a state, collected leaf by leaf. The maps are built once at the end, which is much faster. */
interface Parts {
  keys?: { readonly genesis: Bytes; readonly recovery: Bytes; readonly authorities: readonly Bytes[] };
  readonly retired: Bytes[];
  readonly devices: Device[];
  readonly fleets: Fleet[];
  readonly members: FleetMember[];
  readonly links: Link[];
}

function parseOrg(org: string, fields: readonly Bytes[]): Parts['keys'] {
  const [genesis, recovery] = [fieldOfLength(fields[1], hashLength), fieldOfLength(fields[2], keyLength)];
  const authorities = parseKeyList(fields[3]);
  if (decodeTextField(fields[0]) !== org || genesis === undefined) return undefined;
  return recovery && authorities && { genesis, recovery, authorities };
}

/** Appends the value. Returns whether there is one. */
function add<T>(values: T[], value: T | undefined): boolean {
  if (value === undefined) return false;
  values.push(value);
  return true;
}

const leafFields: Readonly<Record<string, number>> = { org: 4, key: 1, device: 13, fleet: 9, member: 4, link: 5 };

/** Adds one leaf to the parts. Returns whether it has its form. */
function addLeaf(parts: Parts, org: string, kind: string, fields: readonly Bytes[]): boolean {
  if (fields.length !== leafFields[kind]) return false;
  switch (kind) {
    case 'org': {
      const keys = parts.keys === undefined ? parseOrg(org, fields) : undefined;
      if (keys !== undefined) parts.keys = keys;
      return keys !== undefined;
    }
    case 'key':
      return add(parts.retired, fieldOfLength(fields[0], keyLength));
    case 'device':
      return add(parts.devices, parseDevice(org, fields));
    case 'fleet':
      return add(parts.fleets, parseFleet(org, fields));
    case 'member':
      return add(parts.members, parseMember(fields));
    default:
      return add(parts.links, parseLink(org, fields));
  }
}

const byId = <T extends { readonly id: string }>(values: readonly T[]): [string, T][] =>
  values.map((value) => [value.id, value]);

function ownersOf(devices: readonly Device[]): PersistentMap<readonly string[]> {
  const owners = new Map<string, string[]>();
  for (const { id, person, role } of devices)
    if (role === 'owner') owners.set(person, [...(owners.get(person) ?? []), id]);
  return PersistentMap.from(owners);
}

function usedKeysOf({ keys, retired, devices, fleets }: Parts): PersistentMap<string> {
  const ofOrg = [...retired, ...(keys?.authorities ?? []), ...(keys === undefined ? [] : [keys.recovery])];
  return PersistentMap.from([
    ...ofOrg.map((key): [string, string] => [toHex(key), '']),
    ...devices.flatMap(({ id, ik, dh }): [string, string][] => [
      [toHex(ik), id],
      [toHex(dh), id],
    ]),
    ...fleets.map(({ id, key }): [string, string] => [toHex(key), id]),
  ]);
}

/**
 * The state of these leaves, without head and tree. The caller has compared their root, or authenticated them, so the
 * keys in them are not checked again. Returns undefined unless the leaves are in ascending order and have their exact
 * form.
 */
export function decodeLeaves(org: string, leaves: readonly Uint8Array[]): DirectoryState | undefined {
  const parts: Parts = { retired: [], devices: [], fleets: [], members: [], links: [] };
  const haveForm = leaves.every((leaf) => {
    const [kind, ...fields] = decodeFieldBytes(leaf) ?? [];
    return addLeaf(parts, org, decodeTextField(kind) ?? '', fields);
  });
  if (!haveForm || parts.keys === undefined || !isAscending(leaves)) return undefined;
  const { keys, retired, devices, fleets, members, links } = parts;
  return {
    ...initialDirectory(org),
    ...keys,
    retired,
    devices: PersistentMap.from(byId(devices)),
    fleets: new Map(byId(fleets)),
    members: PersistentMap.from(byId(members)),
    links: new Map(byId(links)),
    keys: usedKeysOf(parts),
    invites: PersistentMap.from(
      devices.flatMap(({ invite }): [string, true][] => (invite === '' ? [] : [[invite, true]])),
    ),
    owners: ownersOf(devices),
  };
}
