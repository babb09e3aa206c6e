/** Keys and fields of items of device vaults (docs/device-service.md, section 7). Stored fields are not trusted. */

import { DecryptionError } from '../../../core/decryption-error.ts';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import { toHex } from '../../../core/encoding/bytes.ts';
import { type Item, unmarshallItem } from '../../shared/stores/dynamo-item-codec.ts';
import type { AttachmentKind, PairingPlace, StoredPairing, StoredRoster } from '../device-ports.ts';

export const rosterIdPrefix = (user: string): string => `${user}/vault/`;
export const rosterId = ({ user, vault }: VaultScope): string => rosterIdPrefix(user) + vault;

/** What belongs to a vault beside its roster. */
export const otherKinds = ['wraps', 'recovery', 'pairing'] as const;
export const otherIdPrefix = ({ user, vault }: VaultScope, kind: (typeof otherKinds)[number]): string =>
  `${user}/${kind}/${vault}`;

export const attachmentId = (scope: VaultScope, kind: AttachmentKind, hash: Uint8Array): string =>
  `${otherIdPrefix(scope, kind)}/${toHex(hash)}`;
export const pairingId = (scope: VaultScope, pairing: string): string =>
  `${otherIdPrefix(scope, 'pairing')}/${pairing}`;

export const logIdPrefix = ({ user, vault }: VaultScope): string => `${user}/${vault}`;
export const entryId = (scope: VaultScope, seq: number): string =>
  `${logIdPrefix(scope)}/${String(seq).padStart(12, '0')}`;
/** The sequence number in the key of an entry; NaN if it has another form. */
export const seqOfItem = ({ id }: Item): number => Number(/\/([0-9]{12})$/.exec(id?.S ?? '')?.[1]);

/** Bytes are added to it, and the sum must be a number that the table takes. */
const isLogBytes = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Math.abs(Number(value)) <= Number.MAX_SAFE_INTEGER / 2;

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;

/** @throws DecryptionError for missing fields */
export function parseRosterItem(item: Item, org: string): StoredRoster {
  const { id, createdAt, seq, logBytes, state, mac, deletableAt } = unmarshallItem(item);
  const [user = '', , vault = ''] = typeof id === 'string' ? id.split('/') : [];
  if (typeof createdAt !== 'string' || typeof seq !== 'number' || !isLogBytes(logBytes) || !isBytes(state)) {
    throw new DecryptionError();
  }
  return {
    scope: { org, user, vault },
    createdAt,
    seq,
    logBytes,
    state,
    mac,
    ...(typeof deletableAt === 'string' ? { deletableAt } : {}),
  };
}

/** The roster, or the id of the vault of a damaged one. */
export function parseRosterOrDamaged(item: Item, org: string): StoredRoster | { readonly damaged: string } {
  try {
    return parseRosterItem(item, org);
  } catch (error) {
    if (!(error instanceof DecryptionError)) throw error;
    return { damaged: (item.id?.S ?? '').split('/').at(-1) ?? '' };
  }
}

const places: readonly PairingPlace[] = ['new1', 'new2', 'approver1'];

/** @throws DecryptionError for missing fields */
export function parsePairingItem(item: Item): StoredPairing {
  const { id, expiresAt, ...rest } = unmarshallItem(item);
  if (typeof id !== 'string' || typeof expiresAt !== 'string') throw new DecryptionError();
  const messages: Partial<Record<PairingPlace, Uint8Array>> = {};
  for (const place of places) {
    const message = rest[place];
    if (isBytes(message)) messages[place] = message;
  }
  return { pairing: id.split('/').at(-1) ?? '', expiresAt, messages };
}

/** The bytes of an item. @throws DecryptionError if it has none */
export function bytesOfItem(item: Item): Uint8Array {
  const { bytes } = unmarshallItem(item);
  if (!isBytes(bytes)) throw new DecryptionError();
  return bytes;
}
