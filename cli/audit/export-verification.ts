/** Verifies an audit export, and remembers its head for the next verification. */
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { formatVerifiedExport, verifyExport } from '../../core/audit/audit-export.ts';
import { RememberedHeads } from '../../core/audit/remembered-heads.ts';
import { textLines } from '../../core/encoding/text-lines.ts';
import { configFolder } from '../profiles/profile-store.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import { loadPublicKeys } from '../shell/jwks-source.ts';
import { cannotRead, systemErrorCode, writePrivateFile } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';

export interface VerifyOptions {
  readonly jwks?: string;
  readonly until?: string;
  readonly includes?: string;
  readonly expectOrg?: string;
  readonly state?: string;
}

/** @throws CommandError if the export is not valid, or could not be verified */
export async function verifyExportFile(shell: Shell, path: string, options: VerifyOptions): Promise<void> {
  const { jwks, until, includes, expectOrg: org } = options;
  const end = until === undefined ? undefined : Date.parse(until);
  if (Number.isNaN(end))
    throw usageError('--until requires an RFC 3339 time such as 2026-11-21T00:00:00Z. Nothing was verified');
  const stateFile = options.state ?? join(configFolder(shell.env), 'audit-heads.json');
  const heads = await readHeads(stateFile);
  const keys = await loadPublicKeys(shell, jwks);
  const lines = await readLines(shell, path);
  const verified = await verifyExport(lines, keys, { until: end, includes, org, remembered: (one) => heads.find(one) });
  shell.print(formatVerifiedExport(verified), verified);
  if (verified.problems.length > 0) {
    throw new CommandError('The export failed verification', {
      exit: exitCodes.failed,
      next: 'The lines above show the errors.',
    });
  }
  if (heads.find(verified.summary.org ?? '') === undefined) {
    shell.note(
      'No earlier head of this organization is known here, so records that were cut from the end are not detected. The head is now stored for the next verification.',
    );
  }
  heads.add(verified.summary);
  await storeHeads(stateFile, heads);
}

/** @throws CommandError if the file exists and cannot be used */
async function readHeads(path: string): Promise<RememberedHeads> {
  let text: string | undefined;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw cannotRead(path, error);
  }
  try {
    return RememberedHeads.parse(text);
  } catch {
    throw new CommandError(`The file ${path} does not contain remembered heads; nothing was verified`, {
      exit: exitCodes.failed,
      next: 'Restore it from a backup. If you delete it, exports are no longer compared with earlier ones.',
    });
  }
}

async function storeHeads(path: string, heads: RememberedHeads): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writePrivateFile(path, heads.toText(), { replace: true });
  } catch {
    throw new CommandError(`The export is valid, but its head could not be stored in ${path}`, {
      exit: exitCodes.failed,
      next: 'Check the folder and its permissions, or choose another file with --state.',
    });
  }
}

/** Reads a file of any length by lines. @throws CommandError if it cannot be read */
async function readLines(shell: Shell, path: string): Promise<AsyncIterable<string>> {
  if (path === '-') return textLines(shell.stdin);
  const file = await open(path).catch((error: unknown) => {
    throw cannotRead(path, error);
  });
  return textLines(file.createReadStream());
}
