import type { Command } from 'commander';
import type { AuditOptions, AuditRecord } from '../../../sdk/src/index.ts';
import type { VerifyApprovalsOptions } from '../../audit/approval-verification.ts';
import type { VerifyOptions } from '../../audit/export-verification.ts';
import { CommandError, exitCodes } from '../../shell/command-error.ts';
import { parseDuration, parseTimeOption, parseWhole } from '../../shell/durations.ts';
import { reserveFile } from '../../shell/private-files.ts';
import type { Shell } from '../../shell/shell.ts';
import { escapeForLine, type StyledText, styled } from '../../shell/terminal-text.ts';

const help = `
Records contain names and ids, never values. With --json each record is one line of JSON.

The command \`verify\` stores the last seal of each organization. It fails if a later export ends before that seal or
has another history. An export alone cannot show that its end was cut.

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

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const audit = program
    .command('audit')
    .description('follow, query, export and verify the audit of the organization')
    .addHelpText('after', help);
  audit
    .command('tail')
    .description('print the latest records')
    .option('-f, --follow', 'print new records until Ctrl-C')
    .option('-n, --lines <number>', 'number of records', '20')
    .option('--interval <duration>', 'polling interval', '3s')
    .action(async (options: TailOptions, command: Command) => await tail(shellOf(command), options));
  audit
    .command('query')
    .description('print records that match all options, oldest first')
    .option('--from <time>', 'RFC 3339 time or age: 15m, 2h, 7d')
    .option('--to <time>', 'RFC 3339 time or age; exclusive')
    .option('--principal <id>', 'id of an API key, or ARN of the operator')
    .option('--name <name>', 'exact name, or all names below it if it ends in a slash')
    .option('--verb <verb>', 'such as values.read')
    .action(async (options: QueryOptions, command: Command) => await query(shellOf(command), options));
  audit
    .command('export')
    .description('export all sealed records with their signed seals, as JSON Lines')
    .option('--output <file>', 'write to a new file')
    .action(async ({ output }: { output?: string }, command: Command) => await exportAll(shellOf(command), output));
  audit
    .command('verify')
    .description('verify an export; requires only the public keys')
    .argument('<file>', 'the export')
    .option('--jwks <file>', 'saved public keys (default: fetched from the vault)')
    .option('--until <time>', 'require completeness up to this RFC 3339 time')
    .option('--includes <hash>', 'require this seal: the head that an earlier verification printed')
    .option('--expect-org <id>', 'require that the export is of this organization')
    .option('--state <file>', 'where the heads of verified exports are stored (default: in the configuration folder)')
    .action(async (file: string, options: VerifyOptions, command: Command) => {
      const { verifyExportFile } = await import('../../audit/export-verification.ts');
      await verifyExportFile(shellOf(command), file, options);
    });
  audit
    .command('verify-approvals')
    .description('verify offline which person allowed which uses of values')
    .argument('<file>', 'a verified export')
    .requiredOption('--directory <file>', 'the entries of the directory: `anima directory export`')
    .action(async (file: string, options: VerifyApprovalsOptions, command: Command) => {
      const { verifyApprovalsOf } = await import('../../audit/approval-verification.ts');
      await verifyApprovalsOf(shellOf(command), file, options);
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
  const damaged: string[] = [];
  for await (const page of found.pages()) {
    for (const record of page.records) printRecord(shell, record);
    count += page.records.length;
    damaged.push(...(page.damaged ?? []));
  }
  if (damaged.length > 0) shell.note(`Not records, because somebody wrote or altered them: ${damaged.join(', ')}`);
  if (count === 0) shell.note('No records match.');
}

/** Search windows for the latest records, milliseconds. The vault can only return records from old to new. */
const tailWindowsMs = [10 * 60_000, 3_600_000, 86_400_000, 7 * 86_400_000, 31 * 86_400_000, undefined];

/** Clocks of Lambda functions differ, so a record may arrive after records with a later time. Milliseconds. */
const clockOverlapMs = 15_000;

type FetchSince = (from: Date | undefined) => Promise<AuditRecord[]>;

async function tail(shell: Shell, { follow: goOn, lines, interval }: TailOptions): Promise<void> {
  const wanted = parseWhole('--lines', lines);
  const pause = parseDuration('--interval', interval) * 1000;
  // The command's own polls create audit records. They are identified by their run id and omitted.
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
    // Records outside the window cannot be returned again.
    seen = new Set(records.map(({ id }) => id));
    newest = records.at(-1)?.time ?? newest;
  }
}

function printRecord(shell: Shell, record: AuditRecord): void {
  shell.print(shell.json ? '' : formatRecord(record), record);
}

function formatRecord(record: AuditRecord): (string | StyledText)[] {
  const { time, principal, verb, name, names, failed, result, agent, run, toolCall } = record;
  const what =
    name ??
    (names === undefined ? '' : `${names.length} names${failed === undefined ? '' : `, ${failed.length} failed`}`);
  const who = [agent, run, toolCall].filter((id) => id !== undefined).join(' ');
  const facts = [time, principal, verb, what].filter((part) => part !== '').map(escapeForLine);
  return [
    ...facts.map((fact) => `${fact}  `),
    styled(
      result === 'ok' ? 'green' : result === 'started' || result === 'pending' ? 'dim' : 'red',
      escapeForLine(result),
    ),
    ...(who === '' ? [] : ['  ', styled('dim', `(${escapeForLine(who)})`)]),
  ];
}

async function exportAll(shell: Shell, output: string | undefined): Promise<void> {
  const client = await shell.client();
  const file = await reserveFile(output);
  await file.keepIf(async () => {
    const lines: string[] = [];
    for await (const line of client.audit.export().lines()) {
      if (output === undefined) shell.printContent(line);
      else lines.push(line);
    }
    if (output === undefined) return false;
    if (!(await file.write(lines.join('')))) {
      throw new CommandError(
        lines.length === 0 ? 'There are no sealed records yet; nothing was exported' : 'The file can’t be written',
        {
          exit: exitCodes.failed,
          next:
            lines.length === 0
              ? 'Records are sealed within about ten minutes; try again later.'
              : 'Check the disk space.',
        },
      );
    }
    shell.note(`${lines.length} lines. Store the public keys with it: \`anima receipt keys > jwks.json\`.`);
    return true;
  });
}
