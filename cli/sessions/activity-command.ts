/** `anima approvals activity`: what the person allowed, and tripwires that were read. */
import type { Activity } from '../../sdk/src/session/index.ts';
import { parseTimeOption, parseWhole } from '../shell/durations.ts';
import type { Shell } from '../shell/shell.ts';
import { formatTableWithHead, formatTime } from '../shell/terminal-output.ts';
import { type OrgFlag, withDevice } from './open-device.ts';
import { shortId } from './subject-ids.ts';

export interface ActivityFlags extends OrgFlag {
  readonly from: string;
  readonly limit: string;
}

const head = ['TIME (UTC)', 'WHAT', 'VALUES', 'BY', 'ALLOWED BY', 'RESULT'];

/** Answers of the vault that the audit is read through for one command: each reads up to 5,000 records. */
const maxPages = 40;

export async function activity(shell: Shell, { from, limit, ...flags }: ActivityFlags): Promise<void> {
  const since = parseTimeOption('--from', from);
  const most = parseWhole('--limit', limit, 1);
  await withDevice(shell, flags, {}, async ({ approvals }) => {
    const entries: Activity[] = [];
    let [unverified, pages] = [0, 0];
    let cursor: string | undefined;
    do {
      const page = await approvals.activityPage({ from: since, pageSize: Math.min(most, 200), cursor });
      entries.push(...page.entries);
      unverified += page.unverified;
      pages += 1;
      cursor = page.cursor;
    } while (cursor !== undefined && entries.length < most && pages < maxPages);
    const shown = entries.slice(0, most);
    shell.print(shown.length === 0 ? '' : formatTableWithHead([head, ...shown.map(rowOf)]), shown);
    if (shown.length === 0) shell.note('Nothing was used with an approval of yours, and no tripwire was read.');
    if (cursor !== undefined || shown.length < entries.length)
      shell.note('There can be older entries. Ask for more with `--limit`, or for less time with `--from`.');
    if (unverified > 0)
      shell.note(
        `${unverified} entries are left out, because they do not verify. Tell an admin: \`anima audit verify\`.`,
      );
  });
}

function rowOf(entry: Activity): string[] {
  const time = formatTime(entry.time.toISOString());
  const { agent } = entry;
  if (entry.kind === 'tripwire') {
    const by = `${entry.principal}${agent === '' ? '' : ` (${agent})`} from ${entry.sourceIp}`;
    return [time, 'tripwire was read', entry.names.join(', '), by, '', entry.result];
  }
  const { method, host, values, keyId, device, result = 'unknown', upstream } = entry;
  const used = values.map(({ name, version }) => `${name} version ${version}`).join(', ');
  const by = `key ${keyId}${agent === '' ? '' : ` (${agent})`}`;
  const outcome = upstream === undefined ? result : `${result}, ${upstream}`;
  return [time, `${method} ${host}`, used, by, `device ${shortId(device)}`, outcome];
}
