/** `anima directory export` and `admit-broker`. */
import { exportDirectory } from '../../sdk/src/session/index.ts';
import { clientOptions } from '../shell/anima-client.ts';
import { usageError } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts } from '../shell/terminal-output.ts';
import { adminAccess, withAdmin } from './admin-store.ts';

/** Prints the signed entries, one per line, for verification elsewhere. */
export async function exportEntries(shell: Shell): Promise<void> {
  const access = await adminAccess(shell);
  const entries = await exportDirectory(clientOptions(access, shell.env));
  for (const entry of entries) shell.printContent(`${JSON.stringify(Buffer.from(entry).toString('base64'))}\n`);
  shell.note(`${entries.length} entries. Nothing of them is verified here.`);
}

/** Lists the broker of a person. It is pending until a device of the person confirms it. */
export async function admitBroker(shell: Shell, person: string): Promise<void> {
  if (!/^[0-9a-z]{16}$/.test(person))
    throw usageError(
      'A person has an id of 16 characters of 0-9 a-z; nothing was done',
      '`anima directory status` shows it.',
    );
  await withAdmin(shell, async ({ admin }) => {
    const { device, fingerprint } = await admin.admitBroker(person);
    shell.print(
      formatFacts([
        ['broker', device],
        ['person', person],
        ['fingerprint', fingerprint],
      ]),
      { device, person, fingerprint },
    );
    shell.note(`A device of the person confirms it: \`anima session confirm ${device} --fingerprint ${fingerprint}\`.`);
  });
}
