/** Reads and stores any number of values. Loaded on first use. */
import { valueRoutes } from '../../../contract/values/routes.ts';
import type { Value, ValueInfo } from '../../../contract/values/wire.ts';
import { type BatchResult, decodeResults, runBatch } from '../http/batch-runner.ts';
import type { Transport } from '../http/transport.ts';
import { buildSetRequest, checkName, notSentError, valueOptionNames } from '../shared/argument-validation.ts';
import { checkOptions } from '../shared/check-options.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { decodeValue, decodeValueInfo } from '../shared/json-decoders.ts';
import type { SetEntry } from './value-types.ts';

export async function getValues(
  transport: Transport,
  names: Iterable<string>,
  options: CallOptions,
): Promise<BatchResult<Value>> {
  const settings = transport.callSettings(options);
  // A string is also an iterable of strings: its characters would be read as names.
  if (typeof names === 'string') throw notSentError('invalid_argument', 'names is one string, not a list of names');
  const items = [...new Set(names)].map((name) => ({ name: checkName(name) }));
  const ask = (chunk: readonly { name: string }[]) => {
    const call = { route: valueRoutes.getValues, body: { names: chunk.map(({ name }) => name) } };
    return transport.request(call, settings, decodeResults(decodeValue));
  };
  return runBatch(items, ask, settings);
}

export async function setValues(
  transport: Transport,
  entries: Iterable<SetEntry> | Readonly<Record<string, string>>,
  options: CallOptions,
): Promise<BatchResult<ValueInfo>> {
  const settings = transport.callSettings(options);
  const items = listEntries(entries).map((entry) => {
    checkOptions(entry, ['name', 'value', ...valueOptionNames]);
    return { name: checkName(entry.name), ...buildSetRequest(entry.value, entry) };
  });
  if (new Set(items.map(({ name }) => name)).size < items.length) {
    throw notSentError('invalid_argument', 'a name occurs twice in the entries');
  }
  const ask = (chunk: readonly object[]) =>
    transport.request(
      { route: valueRoutes.setValues, body: { items: chunk } },
      settings,
      decodeResults(decodeValueInfo),
    );
  return runBatch(items, ask, settings);
}

function listEntries(entries: Iterable<SetEntry> | Readonly<Record<string, string>>): SetEntry[] {
  if (isIterable(entries)) return [...entries];
  return Object.entries(entries).map(([name, value]) => ({ name, value }));
}

function isIterable(entries: Iterable<SetEntry> | Readonly<Record<string, string>>): entries is Iterable<SetEntry> {
  return typeof Reflect.get(entries, Symbol.iterator) === 'function';
}
