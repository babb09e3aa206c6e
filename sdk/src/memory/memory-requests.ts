/** Requests for records and messages. Loaded when memory is first used. */

import type { ListMessagesResponse, Message } from '../../../contract/conversations/wire.ts';
import type { RecordInfo } from '../../../contract/memory/wire.ts';
import type { Transport } from '../http/transport.ts';
import { checkWhole, checkWriteId, newWriteId } from '../shared/argument-validation.ts';
import type { CallOptions, CallSettings } from '../shared/client-options.ts';
import { flag, listOf, number, object, oneOf, optional, type Reader, text } from '../shared/json-decoders.ts';
import type { MemoryPage, SearchPage } from './memory-lists.ts';
import type { AddMemoryOptions, MemoryRecord, ReplaceMemoryOptions } from './memory-types.ts';
import { checkData, checkRecordId, checkStoredId, newRecordId } from './record-validation.ts';

/** Whatever JSON.parse gave is JSON. */
const anything: Reader<MemoryRecord['data']> = (json) => json as MemoryRecord['data'] | undefined;

const infoFields = { id: text, version: number, createdAt: text, updatedAt: text };
export const decodeRecordInfo = object<RecordInfo>(infoFields);
const decodeMemory = object<MemoryRecord>({ ...infoFields, data: anything });
const pageFields = { records: listOf(decodeMemory), damaged: optional(listOf(text)), cursor: optional(text) };
const decodePage = object<MemoryPage>(pageFields);
const decodeSearch = object<SearchPage>({ ...pageFields, searched: number });
const decodeMessages = object<ListMessagesResponse>({
  messages: listOf(object<Message>({ id: text, role: oneOf(['user', 'agent']), text, channel: text, at: text })),
  damaged: optional(listOf(text)),
  cursor: optional(text),
});
const decodeDeleted = object<{ deleted: boolean }>({ deleted: flag });

/** A reader that takes only what bears the id asked for: an answer that went astray must not pass for it. */
const ofId =
  <T extends { id: string }>(id: string, decode: Reader<T>): Reader<T> =>
  (json) => {
    const read = decode(json);
    return read?.id === id ? read : undefined;
  };

/** Said in errors when it is not known whether records were added. */
export const unknownAdding =
  'Whether it was added is not known. To make a call that can be repeated, give an id: the same content under the same id is added once';

export async function add(
  transport: Transport,
  data: unknown,
  { id: given, ...options }: AddMemoryOptions,
): Promise<RecordInfo> {
  const id = given === undefined ? newRecordId() : checkRecordId(given);
  const call = { route: 'addMemory', body: { id, data: checkData(data) } } as const;
  const settings = transport.settings(options);
  const outcome = given === undefined ? unknownAdding : settings.outcome;
  return transport.request(call, { ...settings, outcome }, ofId(id, decodeRecordInfo));
}

export async function get(transport: Transport, id: string, options: CallOptions): Promise<MemoryRecord> {
  const call = { route: 'getMemory', id: checkRecordId(id) } as const;
  return transport.request(call, transport.settings(options), ofId(id, decodeMemory));
}

export async function remove(transport: Transport, id: string, options: CallOptions): Promise<boolean> {
  const call = { route: 'deleteMemory', id: checkStoredId(id) } as const;
  return (await transport.request(call, transport.settings(options), decodeDeleted)).deleted;
}

export async function replace(
  transport: Transport,
  id: string,
  data: unknown,
  { ifVersion, writeId, ...options }: ReplaceMemoryOptions,
): Promise<RecordInfo> {
  const body = {
    data: checkData(data),
    ifVersion: checkWhole('ifVersion', ifVersion, 1),
    writeId: checkWriteId(writeId) ?? newWriteId(),
  };
  const call = { route: 'replaceMemory', id: checkRecordId(id), body } as const;
  return transport.request(call, transport.settings(options), ofId(id, decodeRecordInfo));
}

/** What is asked of a list. */
interface PageQuery {
  readonly limit: number | undefined;
  readonly cursor: string | undefined;
}

export const listPage = (transport: Transport, query: PageQuery, settings: CallSettings): Promise<MemoryPage> =>
  transport.request({ route: 'listMemory', query: { ...query } }, settings, decodePage);

/** The text travels in the body: addresses stand in logs. */
export const searchPage = (
  transport: Transport,
  body: { readonly text: string; readonly cursor: string | undefined },
  settings: CallSettings,
): Promise<SearchPage> => transport.request({ route: 'searchMemory', body }, settings, decodeSearch);

export const messagePage = (
  transport: Transport,
  query: PageQuery,
  settings: CallSettings,
): Promise<ListMessagesResponse> =>
  transport.request({ route: 'listMessages', query: { ...query } }, settings, decodeMessages);
