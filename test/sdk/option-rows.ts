/** Rows for tests of options: how a method is called with options, and all the options that its type has. */
import { expect } from 'vitest';
import type { CallOptions } from '../../sdk/src/index.ts';

/** Every option, none undefined. */
type Complete<Options> = { [Name in keyof Options]-?: Exclude<Options[Name], undefined> };

export interface OptionRow {
  readonly call: (options: object) => unknown;
  readonly all: object;
  /** Options without which the method refuses a call for another reason. */
  readonly required: object;
}

/** The type check refuses an option that the type lacks, and one without a value. New options are added by hand. */
export const row = <Options extends object>(
  call: (options: Options) => unknown,
  all: Complete<Options>,
  required: Partial<NoInfer<Options>> = {},
): OptionRow => ({ call: (options) => call(options as Options), all, required });

export const callOptions: Complete<CallOptions> = {
  signal: new AbortController().signal,
  timeout: 500,
  maxRetries: 0,
  agent: 'a',
  run: 'r',
  toolCall: 't',
};

/** The names of the methods of a class, without those that take no options. */
export const methodsOf = (of: object, ...without: string[]): string[] =>
  Object.entries(Object.getOwnPropertyDescriptors(of))
    .filter(([name, { value }]) => typeof value === 'function' && name !== 'constructor' && !without.includes(name))
    .map(([name]) => name)
    .sort();

/** The detail of the error with which a method refuses a call; undefined if it does not. */
async function refusalOf(call: () => unknown): Promise<{ code: unknown; detail: string } | undefined> {
  try {
    const made = await call();
    if (typeof made !== 'object' || made === null || !(Symbol.asyncIterator in made)) return undefined;
    const iterator = (made as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    await Promise.race([iterator.next(), new Promise((resolve) => setTimeout(resolve, 50))]);
    return undefined;
  } catch (error) {
    return { code: Reflect.get(Object(error), 'code'), detail: String(Reflect.get(Object(error), 'detail')) };
  }
}

/** Expects that each option of the type is known, and that a misspelled one is refused with the nearest. */
export async function expectKnownOptions({ call, all, required }: OptionRow): Promise<void> {
  for (const name of Object.keys(all)) {
    const misspelled = `x${name}`;
    expect(await refusalOf(() => call({ ...required, [misspelled]: 1 })), misspelled).toEqual({
      code: 'invalid_argument',
      detail: `there is no option "${misspelled}"; the nearest is "${name}". Nothing was sent`,
    });
  }
  expect((await refusalOf(() => call(all)))?.detail ?? '').not.toContain('there is no option');
}
