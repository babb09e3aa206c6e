/** What a writer of a table can do to one item: change, remove, add, swap or put back. */
import { hash } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Item } from '../../shared/local-stack.ts';
import { keyAttributes, keyNames, type TableId } from './tables.ts';

export interface Change {
  /** What was changed, as the threat model names it: an attribute in back quotes, or the whole item. */
  readonly label: string;
  /** The item in the table after the change; undefined when it is removed. */
  readonly item: Item | undefined;
}

const s = (...texts: string[]): AttributeValue[] => texts.map((S) => ({ S }));
const list = (...texts: string[]): AttributeValue => ({ L: s(...texts) });
/** A proof that a writer of the table invented. */
export const attackerProof = Buffer.alloc(32, 1);

const past = '2020-01-01T00:00:00.000Z';
const future = '2199-01-01T00:00:00.000Z';

/** Attributes of each table with values that a writer would like to see in them, also where an item has none. */
const wanted: Readonly<Record<TableId, Readonly<Record<string, readonly AttributeValue[]>>>> = {
  ValuesTable: {
    version: [{ N: '1' }, { N: '99' }],
    ttl: [{ N: '1' }, { N: '9999999999' }],
    hints: [{ B: new Uint8Array(9).fill(7) }],
    expiresAt: s(future),
  },
  ApiKeysTable: {
    role: s('admin', 'agent', 'reader', 'auditor'),
    verbs: [list('values.read', 'values.write', 'values.delete', 'keys.read'), { L: [] }],
    prefixes: [list('prod/', 'other/'), list('channels/'), { L: [] }],
    expiresAt: s(future, past),
    overlapEndsAt: s(future, past),
    revokedAt: s(future, past),
    lastUsedAt: s(future),
    name: s('another label'),
  },
  KeyringsTable: {
    state: s('active', 'shredded'),
    generation: [{ N: '1' }, { N: '99' }],
    activeVersion: [{ N: '0' }, { N: '1' }],
    lock: [{ M: { shredAt: { S: future }, requestedAt: { S: past }, by: { S: 'attackerattacker' } } }],
    final: [{ BOOL: true }],
    issued: [{ N: '0' }],
    receipts: [{ L: [] }],
    deks: [{ M: {} }],
  },
  RotationsTable: { messages: [{ N: '0' }, { N: '1' }], messagesVersion: [{ N: '1' }] },
  BlobRecordsTable: {
    state: s('uploading', 'ready', 'burned', 'deleted'),
    expiresAt: s(future, past),
    uploadUntil: s(future, past),
    openings: [{ N: '0' }, { N: '99' }],
    maxOpens: [{ N: '0' }, { N: '99' }],
    ttl: [{ N: '1' }, { N: '9999999999' }],
    opening: s('attackerattacker'),
    openedAt: s(future),
    uploadId: s('upload'),
    openVerifier: s(hash('sha256', attackerProof, 'base64')),
  },
  UserCustodyKeyringsTable: {
    state: s('active', 'deleted'),
    generation: [{ N: '1' }, { N: '99' }],
    deletedAt: s(future),
    until: s(past, future),
    tries: [{ N: '0' }, { N: '99' }],
    expiresAt: s(future, past),
    since: s(past, future),
    ttl: [{ N: '1' }, { N: '9999999999' }],
  },
  UserCustodyRecordsTable: { version: [{ N: '1' }, { N: '99' }], sent: [{ BOOL: false }], writeId: s('write') },
  UserCustodyDeliveriesTable: {
    state: s('new', 'queued'),
    job: s('01m8kneqe4mpsrqyqytgey8dst'),
    delivery: s('x'),
    ttl: [{ N: '1' }],
  },
  DeviceCustodyRostersTable: {
    seq: [{ N: '1' }, { N: '99' }],
    logBytes: [{ N: '0' }, { N: '9999999999' }],
    deletableAt: s(future, past),
    expiresAt: s(future, past),
    approver1: [{ B: new Uint8Array(9).fill(7) }],
    ttl: [{ N: '1' }],
  },
  DeviceCustodyLogsTable: {},
  AuditTable: {
    result: s('ok', 'forbidden'),
    principal: s('attackerattacker'),
    verb: s('values.read'),
    route: s('getValue'),
    name: s('prod/other'),
    names: [list('prod/other')],
    failed: [list('prod/other')],
    agent: s('attacker'),
    run: s('attacker'),
    toolCall: s('attacker'),
    ttl: [{ N: '1' }, { N: '9999999999' }],
    mark: s('x'),
  },
};

/** The same value with a small change that keeps its type. */
function altered(value: AttributeValue): AttributeValue[] {
  if (value.S !== undefined) {
    if (/^\d{4}-\d\d-\d\dT/.test(value.S)) return s(past, future);
    const at = value.S.length - 2;
    const other = value.S[at] === '0' ? '1' : '0';
    return value.S.length < 2 ? s('changed') : s(value.S.slice(0, at) + other + value.S.slice(at + 1));
  }
  if (value.N !== undefined) return [{ N: String(Number(value.N) + 1) }];
  if (value.BOOL !== undefined) return [{ BOOL: !value.BOOL }];
  if (value.B !== undefined) return [{ B: value.B.map((byte) => byte ^ 1) }];
  if (value.L !== undefined) return [{ L: value.L.slice(1) }, { L: [...value.L, { S: 'extra' }] }];
  if (value.M !== undefined) return alteredMaps(value.M);
  return [];
}

/** One change of each member at any depth, and each member that is a map removed. */
function alteredMaps(map: Item): AttributeValue[] {
  return Object.entries(map).flatMap(([name, value]): AttributeValue[] => {
    const { [name]: _, ...rest } = map;
    if (value.M === undefined)
      return altered(value)
        .slice(-1)
        .map((next) => ({ M: { ...map, [name]: next } }));
    return [...alteredMaps(value.M).map((next) => ({ M: { ...map, [name]: next } })), { M: rest }];
  });
}

export interface Sources {
  /** Items of the same kind: of the other organization, and of another record of the same one. */
  readonly twins: readonly Item[];
  /** Earlier items under the same key. */
  readonly older: readonly Item[];
}

/** All changes of one stored item. */
export function changesOf(table: TableId, item: Item, { twins, older }: Sources): Change[] {
  const keys = keyNames(table);
  const names = new Set([...Object.keys(item), ...Object.keys(wanted[table])].filter((name) => !keys.includes(name)));
  const changes: Change[] = [];
  for (const name of names) {
    const { [name]: value, ...rest } = item;
    const swapped = (twins.length > 2 ? twins : twins.slice(0, 1)).flatMap((twin) => twin[name] ?? []);
    const values = [...(wanted[table][name] ?? []), ...(value === undefined ? [] : altered(value)), ...swapped];
    for (const next of distinct(values, value)) changes.push({ label: `\`${name}\``, item: { ...item, [name]: next } });
    if (value !== undefined) changes.push({ label: `\`${name}\``, item: rest });
  }
  const own = keyAttributes(table, item);
  for (const twin of twins) changes.push({ label: 'the item of another record', item: { ...twin, ...own } });
  for (const one of older) changes.push({ label: 'an older item', item: one });
  changes.push({ label: 'removed item', item: undefined });
  return changes;
}

/** An item that the vault deleted is put back. */
export const revivals = (older: readonly Item[]): Change[] => older.map((item) => ({ label: 'a deleted item', item }));

function distinct(values: readonly AttributeValue[], current: AttributeValue | undefined): AttributeValue[] {
  const seen = new Set([JSON.stringify(current)]);
  return values.filter((value) => {
    const text = JSON.stringify(value);
    return !seen.has(text) && seen.add(text);
  });
}
