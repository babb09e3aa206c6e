/** Contents of records: read from a file, a pipe or a terminal, and shown in a line. */
import type { DeviceInfo, DeviceRecord, RecordData, RecordType } from '../../sdk/src/device/index.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import { readAll, readInput } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';

export interface ContentFlags {
  readonly file?: string;
  readonly text?: boolean;
}

/** Reads JSON, or with `--text` a text, which becomes `{"text": …}`. */
export async function readContent(shell: Shell, { file, text }: ContentFlags): Promise<RecordData> {
  const content = await readText(shell, file, text === true ? 'Text' : 'Record, as JSON');
  if (text === true) return { text: content.replace(/\r?\n$/, '') };
  if (content.trim() === '') throw usageError('There is no content; nothing was stored', howToGive);
  try {
    return JSON.parse(content);
  } catch {
    // The error of the parser quotes the content.
    throw usageError('The content is not JSON; nothing was stored', howToGive);
  }
}

const howToGive = `Pipe JSON in or name a --file: echo '{"text":"Likes tea"}' | anima records put memory. --text stores plain text.`;

async function readText(shell: Shell, file: string | undefined, question: string): Promise<string> {
  // Not shown while typed, because a record can hold a secret.
  if (file === undefined && shell.stdin.isTTY) return await shell.secretPrompt(question);
  const bytes = file === undefined ? await readAll(shell.stdin) : await readInput(file, shell.stdin);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw usageError('The content is not UTF-8 text; nothing was stored');
  }
}

const summaryLength = 60;

/** The content in one line. That of a provider is not shown in lists, because it holds secrets. */
export function summarize(type: RecordType, data: RecordData | undefined): string {
  if (data === undefined) return '';
  if (type === 'provider') return '(not shown in lists)';
  const text = isText(data) ? data.text : JSON.stringify(data);
  return text.length <= summaryLength ? text : `${text.slice(0, summaryLength - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

const isText = (data: RecordData): data is { readonly text: string } =>
  typeof data === 'object' &&
  data !== null &&
  Object.keys(data).length === 1 &&
  'text' in data &&
  typeof data.text === 'string';

/** The label of a device, otherwise the beginning of its id. */
export function deviceNames(devices: readonly DeviceInfo[]): (id: string) => string {
  const labels = new Map(devices.map(({ id, label, isThis }) => [id, isThis ? 'this device' : label]));
  return (id) => labels.get(id) ?? id.slice(0, 8);
}

export const stateOf = ({ state, isImported }: Pick<DeviceRecord, 'state' | 'isImported'>): string =>
  [state === 'local' ? 'only here' : '', isImported ? 'imported' : ''].filter((part) => part !== '').join(', ');

/** A type as it was typed. The SDK refuses others. */
export const recordTypes: readonly RecordType[] = ['memory', 'session', 'provider', 'todo'];

export function checkType(type: string): RecordType {
  const found = recordTypes.find((one) => one === type);
  if (found !== undefined) return found;
  throw usageError(`The type must be one of ${recordTypes.join(', ')}; nothing was done`);
}

export const noRecord = (): CommandError =>
  new CommandError('There is no such record on this device; nothing was done', {
    exit: exitCodes.notFound,
    next: '`anima device sync` reads what other devices wrote; `anima records list` shows what is here.',
  });
