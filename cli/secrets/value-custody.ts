/** The custody of a value that is stored (docs/custody.md). */
import type { ValueCustody } from '../../sdk/src/index.ts';
import { usageError } from '../shell/command-error.ts';
import { type Metadata, omitKeys } from './value-metadata.ts';

const custodyKey = 'custody';

/** `org` if the person asked for it. Undefined: as before, if the organization's key alone opens the value. */
export type ChosenCustody = 'org' | ValueCustody | undefined;

/**
 * The metadata that a new version takes over, without the entry of its custody.
 * @throws CommandError usage if a value of custody `approval` would become one of custody `org` without a word
 */
export function withoutCustody(name: string, before: Metadata, chosen: ChosenCustody): Metadata {
  if (chosen === undefined && before[custodyKey] === 'approval')
    throw usageError(
      `${name} has custody approval; nothing was stored`,
      'Give --custody approval --approver PERSON again, or --custody org if the key of the organization may open it from now on.',
    );
  return omitKeys(before, (key) => key === custodyKey);
}
