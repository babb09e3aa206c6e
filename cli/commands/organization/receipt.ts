import type { Command } from 'commander';
import {
  type BackupSearchResult,
  type DestroyReceipt,
  destroyReceiptJwsType,
  type ShredReceipt,
  shredReceiptJwsType,
} from '../../../core/shredding/receipt-statements.ts';
import { type PublicJwk, verifyJws } from '../../../core/signing/jws.ts';
import { CommandError, exitCodes, usageError } from '../../shell/command-error.ts';
import { fetchPublicKeys, loadPublicKeys } from '../../shell/jwks-source.ts';
import { readInput } from '../../shell/private-files.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatFacts } from '../../shell/terminal-output.ts';
import { escapeForLine } from '../../shell/terminal-text.ts';

const help = `
Receipts are signed statements (JWS, ES256). \`verify\` requires only the receipt and the public keys, not the vault: keep both.

Examples:
  $ anima receipt keys > jwks.json
  $ anima receipt verify receipt.jws --jwks jwks.json --expect-org 0123456789abcdef
  $ anima shred status | anima receipt verify -`;

interface Options {
  readonly jwks?: string;
  readonly expectOrg?: string;
  readonly expectName?: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const receipt = program.command('receipt').description('verify receipts offline').addHelpText('after', help);
  receipt
    .command('verify')
    .description('verify receipts and explain what they prove')
    .argument('<file>', 'receipts, one per line; - for standard input')
    .option('--jwks <file>', 'saved public keys (default: fetched from the vault)')
    .option('--expect-org <id>', 'require this organization')
    .option('--expect-name <name>', 'require this value name')
    .action(async (file: string, options: Options, command: Command) => await verify(shellOf(command), file, options));
  receipt
    .command('keys')
    .description('print the public keys of the vault (a JWK set), to be saved')
    .action(async (_options: object, command: Command) => {
      const shell = shellOf(command);
      const text = await fetchPublicKeys(shell);
      if (shell.json) shell.print('', JSON.parse(text));
      else shell.printContent(text.endsWith('\n') ? text : `${text}\n`);
    });
}

type Verified =
  | { readonly kind: 'shred'; readonly receipt: ShredReceipt }
  | { readonly kind: 'destroy'; readonly receipt: DestroyReceipt };

async function verify(shell: Shell, file: string, { jwks, expectOrg, expectName }: Options): Promise<void> {
  const lines = (await readInput(file, shell.stdin)).toString('utf8').split(/\s+/).filter(Boolean);
  if (lines.length === 0) throw usageError('The input contains no receipt; nothing was verified');
  const keys = await loadPublicKeys(shell, jwks);
  const verified = lines.map((line, i) =>
    verifyOne(line, keys, lines.length === 1 ? 'The receipt' : `Receipt ${i + 1}`),
  );
  for (const { receipt } of verified) {
    if (expectOrg !== undefined && receipt.org !== expectOrg)
      throw otherOrgError('it is for another organization', receipt.org);
    if (expectName !== undefined && (!('name' in receipt) || receipt.name !== expectName)) {
      throw otherOrgError('it is not for that value', receipt.org);
    }
  }
  shell.print(verified.map(formatReceipt).join('\n\n'), verified);
}

/** @throws CommandError if no key signed it, or it is another kind of statement */
function verifyOne(line: string, keys: readonly PublicJwk[], what: string): Verified {
  const shred = verifyJws(line, keys, shredReceiptJwsType);
  // Every statement that the deployment signs with this type has this shape.
  if (isObject(shred)) return { kind: 'shred', receipt: shred as ShredReceipt };
  const destroy = verifyJws(line, keys, destroyReceiptJwsType);
  if (isObject(destroy)) return { kind: 'destroy', receipt: destroy as DestroyReceipt };
  throw new CommandError(`${what} is invalid: it was not signed as a receipt with any of the keys, or it was altered`, {
    exit: exitCodes.failed,
    next: 'Use the keys of the deployment that issued it (--jwks), and the complete receipt.',
  });
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const otherOrgError = (what: string, org: string): CommandError =>
  new CommandError(`The signature is valid, but ${what} (${org})`, { exit: exitCodes.failed });

function formatReceipt(verified: Verified): string {
  const text = verified.kind === 'shred' ? describeShred(verified.receipt) : describeDestroy(verified.receipt);
  const claims = verified.receipt.limits.map((limit) => `  - ${escapeForLine(limit)}`);
  return ['The signature is valid.', '', text, '', 'Limits of this statement:', ...claims].join('\n');
}

function describeShred(receipt: ShredReceipt): string {
  const { deks, values, final, number } = receipt;
  return [
    escapeForLine(receipt.statement),
    formatFacts([
      ['organization', receipt.org],
      ['receipt', `number ${number}, issued ${receipt.issuedAt}`],
      ['requested', `${receipt.requestedAt} by the key ${receipt.requestedBy}`],
      ['done', receipt.shreddedAt],
      [
        'unusable since',
        `${receipt.unusableSince} (requests that began earlier had ended by ${receipt.inFlightUntil})`,
      ],
      ['keys destroyed', `${deks.length}, and ${receipt.retiredBefore} destroyed earlier by rotation`],
      ['unreadable', `${values.count}${values.complete ? '' : ' or more'} stored versions of values`],
      ['copies found', describeCopies(receipt.copies)],
      [
        'beyond recovery',
        final
          ? `yes, since ${receipt.irrecoverableSince ?? receipt.issuedAt}`
          : 'NOT PROVEN: a copy of the keys may exist; request a later receipt',
      ],
    ]),
  ].join('\n');
}

function describeDestroy(receipt: DestroyReceipt): string {
  return [
    escapeForLine(receipt.statement),
    formatFacts([
      ['organization', receipt.org],
      ['value', receipt.name],
      ['destroyed', `${receipt.destroyedAt} by the key ${receipt.requestedBy}`],
      ['versions', receipt.versions.map(({ version }) => String(version)).join(', ')],
      ['copies found', describeCopies(receipt.copies)],
      [
        'last copy ends',
        receipt.copiesEndAt ?? 'UNKNOWN: a backup without expiry exists, which can be decrypted while its key exists',
      ],
    ]),
  ].join('\n');
}

function describeCopies({
  backupCount,
  backups,
  complete,
  pointInTimeRecovery,
  checkedAt,
}: BackupSearchResult): string {
  const relevant = backups.filter((backup) => backup.relevant).length;
  const recovery = pointInTimeRecovery === 'ENABLED' ? 'point-in-time recovery on' : 'no point-in-time recovery';
  return `${backupCount}${complete ? '' : ' or more'} backups (${relevant} relevant), ${recovery}; checked ${checkedAt}`;
}
