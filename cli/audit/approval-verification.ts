/** Verifies offline who allowed which uses of values, from an export of the audit and one of the directory. */
import { fromBase64 } from '../../core/encoding/bytes.ts';
import { type AllowedUse, type ProofRecord, verifyApprovals } from '../../sdk/src/session/index.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import { readInput } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';
import { escapeForLine } from '../shell/terminal-text.ts';

export interface VerifyApprovalsOptions {
  readonly directory: string;
}

/** @throws CommandError if a proof does not hold */
export async function verifyApprovalsOf(shell: Shell, path: string, options: VerifyApprovalsOptions): Promise<void> {
  const records = parseLines(await readInput(path, shell.stdin), path).filter(isRecord);
  const entries = parseLines(await readInput(options.directory, shell.stdin), options.directory).map((line) =>
    typeof line === 'string' ? (fromBase64(line) ?? new Uint8Array(0)) : new Uint8Array(0),
  );
  const org = records[0]?.org;
  if (org === undefined) throw usageError(`${path} has no records. Nothing was verified`);
  const { uses, problems, head } = verifyApprovals(org, entries, records);
  const shown = [
    ...problems.map(({ requestId, problem }) => `${problem}: request ${escapeForLine(requestId)}`),
    ...uses.map(describe),
    `${uses.length} allowed uses, ${problems.length} problems. Directory: entry ${head.seq}.`,
  ];
  shell.print(shown.join('\n'), { uses: uses.map(toJson), problems, directory: { seq: head.seq } });
  shell.note('Compare the directory with one that you trust, and verify the export itself: `anima audit verify`.');
  if (problems.length > 0)
    throw new CommandError('A proof does not hold', { exit: exitCodes.failed, next: 'The lines above say which.' });
}

const describe = ({ time, person, device, keyId, method, host, values, outcome }: AllowedUse): string =>
  `${time}  ${person} (device ${device}) allowed key ${keyId}: ${method} ${escapeForLine(host)} with ${values
    .map(({ name, version }) => `${escapeForLine(name)} version ${version}`)
    .join(', ')}; ${escapeForLine(outcome)}`;

const toJson = ({ values, ...use }: AllowedUse): object => ({
  ...use,
  values: values.map(({ name, version, places }) => ({ name, version, places })),
});

const isRecord = (line: unknown): line is ProofRecord =>
  typeof line === 'object' && line !== null && 'requestId' in line && 'org' in line;

function parseLines(bytes: Buffer, path: string): unknown[] {
  return bytes
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      try {
        return JSON.parse(line);
      } catch {
        throw usageError(`${path} is not JSON Lines. Nothing was verified`);
      }
    });
}
