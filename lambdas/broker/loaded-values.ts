/** The values of a request, with the metadata that their use must comply with. */
import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { Value } from '../../contract/values/wire.ts';
import type { SealedValue } from '../../core/approvals/sealed-value-form.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import {
  InvalidReferenceError,
  parseReference,
  type Reference,
  referenceKey,
  referenceScheme,
} from '../../egress/references/secret-references.ts';
import { UseRefusal } from '../../egress/refusals/use-refusal.ts';
import type { PlaceholderUse } from '../../egress/requests/request-placeholders.ts';
import type { UsableValue } from '../../egress/rules/check-use.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import { isMalformed } from '../shared/ports.ts';
import type { OnTripwire, ValueReader, ValuesByName } from '../values/value-reader.ts';
import { sealedFormOf } from './sealed-form.ts';
import type { UseContext } from './use-context.ts';

export interface LoadedValue extends UsableValue {
  readonly reference: Reference;
  /** What was read: the requested version. */
  readonly info: Value;
  /** Drawn with the first version of the name. */
  readonly life: string;
  /** For custody `approval`. `value` is undefined until a device has answered. */
  readonly sealed: SealedValue | undefined;
}

/** Values by `referenceKey`. */
export type LoadedValues = ReadonlyMap<string, LoadedValue>;

/**
 * Reads each value once. The rules of the current version also apply to older ones: somebody who narrows the rules of a
 * name does not expect an older version, often with the same value, to stay usable as before.
 * @throws VaultError `value_not_found`, `version_not_found`, `value_expired`; DecryptionError
 */
export async function loadValues(
  reader: ValueReader,
  keys: OpenKeyring,
  values: ValuesByName,
  uses: readonly PlaceholderUse[],
  onTripwire: OnTripwire,
): Promise<LoadedValues> {
  const references = new Map(uses.map(({ reference }) => [referenceKey(reference), reference]));
  const loaded = [...references].map(
    async ([key, reference]) => [key, await loadValue(reader, keys, values, reference, onTripwire)] as const,
  );
  return new Map(await Promise.all(loaded));
}

async function loadValue(
  reader: ValueReader,
  keys: OpenKeyring,
  values: ValuesByName,
  reference: Reference,
  onTripwire: OnTripwire,
): Promise<LoadedValue> {
  const { name, version } = reference;
  const stored = values.get(name);
  const current = await reader.getStored(keys, values, name, undefined, onTripwire);
  if (stored === undefined || isMalformed(stored)) throw new VaultError('value_not_found');
  const info = version === undefined ? current : await reader.getStored(keys, values, name, version, onTripwire);
  const metadata = version === undefined ? [info.metadata] : [info.metadata, current.metadata];
  const sealed = sealedFormOf(info);
  return { reference, info, life: stored.life, sealed, value: sealed === undefined ? info.value : undefined, metadata };
}

/** The values as texts, by `referenceKey`. @throws UseRefusal for one that is still sealed */
export const textsOf = (loaded: LoadedValues): ReadonlyMap<string, string> =>
  new Map(
    [...loaded].map(
      ([
        key,
        {
          value,
          reference: { name },
        },
      ]) => {
        if (value !== undefined) return [key, value];
        throw new UseRefusal(`${name} has custody approval, so no access token is made from it`, 'use_refused');
      },
    ),
  );

/**
 * The text of a reference with a version, which a host knows; empty if it cannot be read any more. Its rules do not
 * matter: the text is only searched for.
 */
export async function readKnownText(reader: ValueReader, context: UseContext, reference: string): Promise<string[]> {
  try {
    const { name, version } = parseReference(`${referenceScheme}${reference}`);
    const stored = context.values.get(name) ?? (await context.reload(name)).stored;
    if (stored === undefined) return [];
    // Only searched for: what the value was used for has raised its alarm.
    const { value } = await reader.get(context.keys, new Map([[name, stored]]), name, version, undefined);
    return [value];
  } catch (error) {
    const isGone = error instanceof VaultError && goneCodes.includes(error.code);
    if (isGone || error instanceof DecryptionError || error instanceof InvalidReferenceError) return [];
    throw error;
  }
}

const goneCodes: readonly ErrorCode[] = ['value_not_found', 'version_not_found', 'value_expired', 'value_not_readable'];
