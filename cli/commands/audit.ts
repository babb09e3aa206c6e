import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { formatVerifiedExport, verifyExport } from '../../core/audit/audit-export.ts';
import type { AuditOptions, AuditRecord } from '../../sdk/src/index.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import { parseDuration, parseWhole } from '../shell/durations.ts';
import { loadPublicKeys } from '../shell/jwks-source.ts';
import { cannotRead, reserveFile } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';
import { escapeSteeringCharacters } from '../shell/terminal-output.ts';

const help = `
Records hold names and ids, never values. With --json each record is one line of JSON.

Examples:
  $ anima audit tail -f
  $ anima audit query --name prod/stripe/ --from 2h
  $ anima audit export --output audit.jsonl && anima receipt keys > jwks.json
  $ anima audit verify audit.jsonl --jwks jwks.json --until 2026-11-21T00:00:00Z`;

interface QueryOptions {
  readonly from?: string;
  readonly to?: string;
  readonly principal?: string;
  readonly name?: string;
  readonly verb?: string;
}

interface TailOptions {
  readonly follow?: boolean;
  readonly lines: string;
  readonly interval: string;
}

interface VerifyOptions {
  readonly jwks?: string;
  readonly until?: string;
  readonly includes?: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const audit = program
    .command('audit')
    .description('follow, query, export and verify the audit of the organization')
    .addHelpText('after', help);
  audit
    .command('tail')
    .description('the latest records')
    .option('-f, --follow', 'go on with new ones until Ctrl-C')
    .option('-n, --lines <number>', 'how many', '20')
    .option('--interval <duration>', 'how often to look', '3s')
    .action(async (options: TailOptions, command: Command) => await tail(shellOf(command), options));
  audit
    .command('query')
    .description('records that match all options, oldest first')
    .option('--from <time>', 'RFC 3339, or so long ago: 15m, 2h, 7d')
    .option('--to <time>', 'RFC 3339, or so long ago; not included')
    .option('--principal <id>', 'id of an API key, or ARN of the operator')
    .option('--name <name>', 'exactly this name; with a slash at the end all below it')
    .option('--verb <verb>', 'such as values.read')
    .action(async (options: QueryOptions, command: Command) => await query(shellOf(command), options));
  audit
    .command('export')
    .description('all sealed records with the signed seals over them, as JSON Lines')
    .option('--output <file>', 'write to a new file')
    .action(async ({ output }: { output?: string }, command: Command) => await exportAll(shellOf(command), output));
  audit
    .command('verify')
    .description('verify an export with nothing but the public keys')
    .argument('<file>', 'the export')
    .option('--jwks <file>', 'the public keys that were kept (default: those that the vault has now)')
    .option('--until <time>', 'it must be complete until this RFC 3339 time')
    .option('--includes <hash>', 'this seal must be in it: the head that an earlier verification told')
    .action(async (file: string, options: VerifyOptions, command: Command) => {
      await verify(shellOf(command), file, options);
    });
}

async function query(shell: Shell, { from, to, principal, name, verb }: QueryOptions): Promise<void> {
  const options: AuditOptions = { principal, name, verb: verb as AuditRecord['verb'] | undefined, pageSize: 1000 };
  const client = await shell.client();
  const found = client.audit.query({
    ...options,
    from: parseTimeOption('--from', from),
    to: parseTimeOption('--to', to),
  });
  let count = 0;
  for await (const record of found) {
    printRecord(shell, record);
    count++;
  }
  if (count === 0) shell.note('There are no such records.');
}

/** How far back the last records are looked for, milliseconds: records come oldest first only. */
const tailWindowsMs = [10 * 60_000, 3_600_000, 86_400_000, 7 * 86_400_000, 31 * 86_400_000, undefined];

/** Functions' clocks differ: a record may come after others of a later time. Milliseconds. */
const clockOverlapMs = 15_000;

type FetchSince = (from: Date | undefined) => Promise<AuditRecord[]>;

async function tail(shell: Shell, { follow: goOn, lines, interval }: TailOptions): Promise<void> {
  const wanted = parseWhole('--lines', lines);
  const pause = parseDuration('--interval', interval) * 1000;
  // Its own looks are records too: told apart by their run, they are left out.
  const run = shell.env.ANIMA_RUN || `audit-tail-${process.pid}-${Date.now().toString(36)}`;
  const client = await shell.client({ run });
  const others = ({ run: of, verb }: AuditRecord): boolean => of !== run || verb !== 'audit.read';
  const since: FetchSince = async (from) =>
    (await client.audit.query({ from, pageSize: 1000 }).toArray()).filter(others);
  const last = await fetchLatest(since, wanted);
  for (const record of wanted === 0 ? [] : last.slice(-wanted)) printRecord(shell, record);
  if (goOn === true) await follow(shell, since, last, pause);
}

async function fetchLatest(since: FetchSince, wanted: number): Promise<AuditRecord[]> {
  let last: AuditRecord[] = [];
  for (const window of tailWindowsMs) {
    last = await since(window === undefined ? undefined : new Date(Date.now() - window));
    if (last.length >= wanted) break;
  }
  return last;
}

async function follow(shell: Shell, since: FetchSince, last: readonly AuditRecord[], pause: number): Promise<never> {
  let seen = new Set(last.map(({ id }) => id));
  let newest = last.at(-1)?.time ?? new Date().toISOString();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    const records = await since(new Date(Date.parse(newest) - clockOverlapMs));
    for (const record of records) if (!seen.has(record.id)) printRecord(shell, record);
    // What left the window can't come again.
    seen = new Set(records.map(({ id }) => id));
    newest = records.at(-1)?.time ?? newest;
  }
}

function printRecord(shell: Shell, record: AuditRecord): void {
  shell.print(shell.json ? '' : formatRecord(shell, record), record);
}

function formatRecord(shell: Shell, record: AuditRecord): string {
  const { time, principal, verb, name, names, failed, result, agent, run, toolCall } = record;
  const what =
    name ??
    (names === undefined ? '' : `${names.length} names${failed === undefined ? '' : `, ${failed.length} failed`}`);
  const who = [agent, run, toolCall].filter((id) => id !== undefined).join(' ');
  const ok = shell.paint(result === 'ok' ? 'green' : 'red', result);
  const parts = [
    time,
    principal,
    verb,
    escapeSteeringCharacters(what),
    ok,
    who === '' ? '' : shell.paint('dim', `(${escapeSteeringCharacters(who)})`),
  ];
  return parts.filter((part) => part !== '').join('  ');
}

async function exportAll(shell: Shell, output: string | undefined): Promise<void> {
  const client = await shell.client();
  const file = await reserveFile(output);
  await file.keepIf(async () => {
    const lines: string[] = [];
    for await (const line of client.audit.export().lines()) {
      if (output === undefined) shell.stdout.write(`${line}\n`);
      else lines.push(`${line}\n`);
    }
    if (output === undefined) return false;
    if (!(await file.write(lines.join('')))) {
      throw new CommandError(lines.length === 0 ? 'There is no sealed record yet' : 'The file can’t be written', {
        exit: exitCodes.failed,
        next: lines.length === 0 ? 'Records are sealed within some ten minutes; try again.' : 'Is the disk full?',
      });
    }
    shell.note(`${lines.length} lines. Keep the public keys beside it: \`anima receipt keys > jwks.json\`.`);
    return true;
  });
}

async function verify(shell: Shell, path: string, { jwks, until, includes }: VerifyOptions): Promise<void> {
  const end = until === undefined ? undefined : Date.parse(until);
  if (Number.isNaN(end))
    throw usageError('--until takes an RFC 3339 time, such as 2026-11-21T00:00:00Z. Nothing was verified');
  const keys = await loadPublicKeys(shell, jwks);
  const lines = await readLines(shell, path);
  const verified = await verifyExport(lines, keys, { until: end, includes });
  shell.print(formatVerifiedExport(verified), verified);
  if (verified.problems.length > 0) {
    throw new CommandError('The export does not hold', { exit: exitCodes.failed, next: 'The lines above say where.' });
  }
}

/** The lines of a file, however long it is. @throws CommandError when it can't be read */
async function readLines(shell: Shell, path: string): Promise<AsyncIterable<string>> {
  if (path === '-') return createInterface({ input: shell.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  const file = await open(path).catch((error: unknown) => {
    throw cannotRead(path, error);
  });
  return file.readLines({ encoding: 'utf8' });
}

/** A time, or how long ago it was. @throws CommandError usage */
function parseTimeOption(option: string, text: string | undefined): string | Date | undefined {
  if (text === undefined || text.includes('T')) return text;
  return new Date(Date.now() - parseDuration(option, text) * 1000);
}
