/** `anima device export-json`, `export-pia` and `import-pia`. */

import { fromBase64 } from '../../core/encoding/bytes.ts';
import type { ImportFailure, ImportKey } from '../../sdk/src/device/index.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import { readAll, readInput, writePrivateFile } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';
import { formatTable } from '../shell/terminal-output.ts';
import { withVault } from './open-device-vault.ts';

export interface ExportFlags {
  readonly vault?: string;
  readonly output?: string;
  readonly force?: boolean;
}

export async function exportJson(shell: Shell, { vault: wanted, output, force }: ExportFlags): Promise<void> {
  if (output === undefined && shell.isTerminal) {
    throw usageError(
      'The output is a terminal and would show all records; nothing was read',
      'Write a file with -o FILE, use a pipe, or show them with -o -.',
    );
  }
  await withVault(shell, wanted, async (vault) => {
    const text = await vault.exportJson();
    if (output === undefined || output === '-') return shell.printContent(text);
    await writePrivateFile(output, text, { replace: force === true });
    shell.print(`Wrote all records and versions to ${output} (mode 0600). The file is not encrypted.`, {
      vault: vault.scope.vault,
      file: output,
    });
  });
}

export async function exportPia(shell: Shell, { vault: wanted, output, force }: ExportFlags): Promise<void> {
  if (output === undefined) throw usageError('The file is missing; nothing was done', 'Name it with -o FILE.');
  if (!shell.isTerminal) {
    throw usageError(
      'The code that opens the file is shown in a terminal, and the output is none; nothing was done',
      'Run this command in a terminal. `anima device export-json` needs no code.',
    );
  }
  await withVault(shell, wanted, async (vault) => {
    const { file, code, exported, skipped } = await vault.exportPia();
    await writePrivateFile(output, file, { replace: force === true });
    if (skipped.length > 0) {
      const names = skipped.map(({ type, id }) => `${type} ${id}`).join(', ');
      shell.note(`Not exported, because this device cannot open them: ${names}`);
    }
    shell.print(
      `Wrote ${exported === 1 ? '1 record' : `${exported} records`} to ${output}, encrypted.\nCode that opens the file, shown once:\n\n    ${code}\n\nKeep it apart from the file.`,
      { vault: vault.scope.vault, file: output, exported, skipped, code },
    );
  });
}

const failureTexts: Readonly<Record<ImportFailure['reason'], string>> = {
  malformed: 'has another form',
  unsupported_type: 'has a type that a vault does not hold',
  not_opened: 'does not open with this code or key',
  invalid_data: 'has data that a vault does not take',
};

export async function importPia(
  shell: Shell,
  path: string,
  { vault: wanted }: { readonly vault?: string },
): Promise<void> {
  if (path === '-')
    throw usageError('The export must be a file; nothing was imported', 'Standard input is for its code.');
  await withVault(shell, wanted, async (vault) => {
    const file = (await readInput(path, shell.stdin)).toString('utf8');
    const { imported, failures } = await vault.importPia(file, await readKey(shell));
    if (failures.length > 0) {
      const rows = failures.map(({ index, reason }) => [`record ${index + 1}`, failureTexts[reason]]);
      shell.error(`Not imported:\n${formatTable(rows)}`);
    }
    shell.print(
      `Imported ${imported.length === 1 ? '1 record' : `${imported.length} records`} from ${path}, each with a new id.`,
      { vault: vault.scope.vault, imported, failures },
    );
    if (imported.some(({ type }) => type === 'provider')) {
      shell.note(
        'The author of the file chose the endpoints of its providers. Look at each with `anima records get provider ID`, then `anima records confirm provider ID`.',
      );
    }
    if (failures.length === 0) return;
    throw new CommandError(`${failures.length} of ${imported.length + failures.length} records were not imported`, {
      exit: exitCodes.failed,
      next: 'The lines above say why. Importing the file again would add the other records twice.',
    });
  });
}

/** The code, or the key of 32 bytes in base64: typed without being shown, or from a pipe. */
async function readKey(shell: Shell): Promise<ImportKey> {
  const typed = shell.stdin.isTTY
    ? await shell.secretPrompt('Code or key of the file')
    : (await readAll(shell.stdin)).toString('utf8');
  const text = typed.trim();
  if (text === '')
    throw usageError('There is no code; nothing was imported', 'Pipe the code or key in, or type it in a terminal.');
  const umk = fromBase64(text);
  return umk?.length === 32 ? { umk } : { code: text };
}
