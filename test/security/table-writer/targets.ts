/** Which stored items are attacked, and which record each of them belongs to. */
import type { Item } from '../../shared/local-stack.ts';
import { type Snapshot, type TableId, tableTitles } from './tables.ts';
import { unchangedValue, type World } from './world.ts';

/** The ID of an API key. */
export const idOf = (apiKey: string): string => apiKey.split('_')[2] ?? '';

const idText = (item: Item): string => item.id?.S ?? '';
const nameText = (item: Item): string => item.name?.S ?? '';

/** Kinds of items in the table of device rosters. */
const rosterTitles: Readonly<Record<string, string>> = {
  vault: 'device rosters',
  wraps: 'wraps of devices',
  recovery: 'recovery boxes',
  pairing: 'pairings',
};

/** How the threat model names the kind of an item. */
export function titleOf(table: TableId, item: Item): string {
  if (table === 'ValuesTable' && nameText(item).startsWith('#h/')) return 'earlier versions of values';
  if (table === 'DeviceCustodyRostersTable') return rosterTitles[idText(item).split('/')[1] ?? ''] ?? 'unknown';
  if (table !== 'UserCustodyKeyringsTable') return tableTitles[table];
  if (idText(item).startsWith('attempts/')) return 'login attempts';
  if (!idText(item).startsWith('locator/')) return tableTitles[table];
  return item.expiresAt === undefined ? 'locators' : 'link codes';
}

export function isTarget(
  { mine, locked, shredded, delivered, auditFrom, auditTo }: World,
  table: TableId,
  item: Item,
): boolean {
  const org = item.org?.S;
  if (table === 'KeyringsTable') return org === mine.org || org === locked.org || org === shredded.org;
  if (org !== mine.org) return false;
  if (table === 'ApiKeysTable') return idText(item) !== idOf(mine.watcher);
  if (table === 'ValuesTable') return nameText(item) !== unchangedValue && !nameText(item).includes('channels/');
  const taker = mine.accounts.taker?.user ?? '';
  if (idText(item).includes(taker) || item.user?.S === taker) return false;
  if (table === 'UserCustodyDeliveriesTable') return idText(item) === delivered.item;
  if (table === 'AuditTable') return (item.time?.S ?? '') >= auditFrom && (item.time?.S ?? '') <= auditTo;
  return true;
}

/** The record whose probes are affected by an item. Only one item of a record is changed at a time. */
export function recordOf(table: TableId, item: Item, { UserCustodyKeyringsTable: users }: Snapshot): string {
  if (table === 'ValuesTable') return nameText(item).replace(/^#h\/(.*)#\d$/, '$1');
  if (table === 'KeyringsTable' || table === 'RotationsTable') return item.org?.S ?? '';
  if (table === 'DeviceCustodyRostersTable') return idText(item).split('/')[2] ?? '';
  if (table === 'DeviceCustodyLogsTable') return idText(item).split('/')[1] ?? '';
  if (table !== 'UserCustodyKeyringsTable') return idText(item);
  const [kind, ...rest] = idText(item).split('/');
  const id = rest.at(-1) ?? '';
  const locator = users.get(`${item.org?.S} locator/${id}`);
  return kind === 'locator' ? (item.user?.S ?? '') : (locator?.user?.S ?? id);
}
