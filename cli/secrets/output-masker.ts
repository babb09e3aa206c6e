/** Creates the masker for the output of a command, by the rule of masking-rule.ts and the options. */
import { usageError } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import { type MaskingScope, maskingScopeOf } from './masking-rule.ts';
import type { ResolvedEnvironment } from './resolved-environment.ts';
import { StreamMasker } from './stream-masking.ts';

export interface MaskingOptions {
  /** Variables whose values are masked although the rule leaves them. */
  readonly mask?: readonly string[] | undefined;
  /** Variables whose values are not masked. */
  readonly unmask?: readonly string[] | undefined;
}

/** The masker; undefined if there is nothing to mask. The API key is masked too, because a command can read a profile. */
export async function createOutputMasker(
  shell: Shell,
  { secrets }: Pick<ResolvedEnvironment, 'secrets'>,
  { mask = [], unmask = [] }: MaskingOptions,
): Promise<StreamMasker | undefined> {
  assertKnown([...mask, ...unmask], secrets);
  const scopes = await Promise.all(
    secrets.map(async ({ variable, value }) => ({ variable, value, scope: await scopeFor(variable, value) })),
  );
  if (secrets.length === 0) return undefined;
  const left = scopes.filter(
    ({ variable, value, scope }) => scope === 'never' && value !== '' && !unmask.includes(variable),
  );
  if (left.length > 0) {
    const names = [...new Set(left.map(({ variable }) => variable))];
    shell.note(
      `Not masked in the output, because short or an ordinary word or number: ${names.join(', ')}. --mask NAME masks one.`,
    );
  }
  const valuesOf = (wanted: MaskingScope) => scopes.filter(({ scope }) => scope === wanted).map(({ value }) => value);
  // With ANIMA_LOGIN there is no stored key.
  const { apiKey } = await shell.access();
  const masked = [...valuesOf('everywhere'), ...(apiKey === '' ? [] : [apiKey])];
  return new StreamMasker(masked, { wholeWords: valuesOf('whole-word') });

  async function scopeFor(variable: string, value: string): Promise<MaskingScope> {
    if (unmask.includes(variable)) return 'never';
    const scope = await maskingScopeOf(value);
    return scope === 'never' && mask.includes(variable) ? 'whole-word' : scope;
  }
}

function assertKnown(names: readonly string[], secrets: ResolvedEnvironment['secrets']): void {
  const unknown = names.filter((name) => secrets.every(({ variable }) => variable !== name));
  if (unknown.length === 0) return;
  throw usageError(
    `--mask and --unmask require variables with values of the vault; these have none: ${unknown.join(', ')}. The command was not started`,
  );
}
