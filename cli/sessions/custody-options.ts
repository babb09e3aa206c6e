/** The options of `anima set` for the custody of a value. */
import type { ChosenCustody } from '../secrets/value-custody.ts';
import { usageError } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import { adminAccess, storedPin } from './admin-store.ts';

export interface CustodyFlags {
  readonly custody?: string;
  readonly approver?: string;
  readonly pin?: string;
}

/** Sends nothing. @throws CommandError usage */
export async function parseCustody(shell: Shell, { custody, approver, pin }: CustodyFlags): Promise<ChosenCustody> {
  if (custody !== 'approval') {
    if (approver !== undefined || pin !== undefined)
      throw usageError('--approver and --pin are for --custody approval; nothing was stored');
    if (custody === undefined || custody === 'org') return custody;
    throw usageError('--custody is org or approval; nothing was stored');
  }
  if (approver === undefined)
    throw usageError(
      '--custody approval needs --approver; nothing was stored',
      'It is the id of the person whose device answers: `anima directory status` lists them.',
    );
  const access = await adminAccess(shell);
  const known = pin ?? (await storedPin(shell, access));
  if (known === undefined)
    throw usageError(
      'The key of the approver cannot be verified without the pin of the directory; nothing was stored',
      'Give --pin, as an admin shows it: `anima directory status`.',
    );
  const { approvalCustody } = await import('../../sdk/src/session/index.ts');
  return approvalCustody({ org: access.org, approver, pin: known });
}
