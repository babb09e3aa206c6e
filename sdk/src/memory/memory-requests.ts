/** Requests for records and messages. Loaded on first use of memory. */

import { conversationRoutes } from '../../../contract/conversations/routes.ts';
import type { ListMessagesResponse, Message, MessageMedia } from '../../../contract/conversations/wire.ts';
import { memoryRoutes } from '../../../contract/memory/routes.ts';
import type { RecordInfo } from '../../../contract/memory/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger, checkWriteId, newWriteId, notSentError, resolveExpiry } from '../shared/argument-validation.ts';
import { checkOptions } from '../shared/check-options.ts';
import type { CallOptions, CallSettings } from '../shared/client-options.ts';
import {
  type Decoder,
  decodeBoolean,
  decodeListOf,
  decodeNumber,
  decodeObject,
  decodeOneOf,
  decodeText,
  optional,
} from '../shared/json-decoders.ts';
import type { MemoryPage, SearchPage } from './memory-lists.ts';
import type {
  AddMemoryOptions,
  DamagedOptions,
  FindMemoryOptions,
  MemoryRecord,
  NearOptions,
  PutMemoryOptions,
  ReplaceMemoryOptions,
} from './memory-types.ts';
import {
  checkEmbedding,
  checkRecordData,
  checkRecordId,
  checkStoredId,
  checkVector,
  newRecordId,
} from './record-validation.ts';

/** Any result of JSON.parse is valid JSON. */
const decodeAnyJson: Decoder<MemoryRecord['data']> = (json) => json as MemoryRecord['data'] | undefined;

const recordInfoFields = { id: decodeText, version: decodeNumber, createdAt: decodeText, updatedAt: decodeText };
export const decodeRecordInfo = decodeObject<RecordInfo>(recordInfoFields);
const decodeMemoryRecord = decodeObject<MemoryRecord>({
  ...{ ...recordInfoFields, data: decodeAnyJson },
  namespace: optional(decodeListOf(decodeText)),
  key: optional(decodeText),
  index: optional(decodeListOf(decodeText)),
  expiresAt: optional(decodeText),
  similarity: optional(decodeNumber),
});
const memoryPageFields = {
  records: decodeListOf(decodeMemoryRecord),
  damaged: optional(decodeListOf(decodeText)),
  cursor: optional(decodeText),
};
const decodeMemoryPage = decodeObject<MemoryPage>(memoryPageFields);
const decodeSearchPage = decodeObject<SearchPage>({ ...memoryPageFields, searched: decodeNumber });
const decodeMessageMedia = decodeObject<MessageMedia>({
  id: decodeText,
  kind: decodeOneOf(['image', 'audio', 'video', 'sticker', 'contact', 'file']),
  name: optional(decodeText),
  type: optional(decodeText),
  bytes: decodeNumber,
  url: decodeText,
  key: decodeText,
});
const decodeMessagePage = decodeObject<ListMessagesResponse>({
  messages: decodeListOf(
    decodeObject<Message>({
      id: decodeText,
      role: decodeOneOf(['user', 'agent']),
      text: decodeText,
      subject: optional(decodeText),
      original: optional(decodeText),
      media: optional(decodeListOf(decodeMessageMedia)),
      channel: decodeText,
      at: decodeText,
    }),
  ),
  damaged: optional(decodeListOf(decodeText)),
  cursor: optional(decodeText),
});
const decodeDeletedRecord = decodeObject<{ deleted: boolean }>({ deleted: decodeBoolean });

/** Wraps a decoder so that it accepts only a response with the requested id; a misrouted response is rejected. */
const withId =
  <T extends { id: string }>(id: string, decode: Decoder<T>): Decoder<T> =>
  (json) => {
    const read = decode(json);
    return read?.id === id ? read : undefined;
  };

/** Added to errors if it is unknown whether records were added. */
export const addOutcomeHint =
  'It may or may not have been added. Give an id to make a call repeatable: the same content and id are added once';

const putOptionNames = [
  ...['id', 'key', 'namespace', 'index', 'embedding', 'expiresAt', 'expiresIn', 'ifVersion', 'writeId'],
];

export async function addRecord(
  transport: Transport,
  data: unknown,
  { id: given, ...options }: AddMemoryOptions,
): Promise<RecordInfo> {
  const id = given === undefined ? newRecordId() : checkRecordId(given);
  const call = { route: memoryRoutes.addMemory, body: { id, data: checkRecordData(data) } } as const;
  const settings = transport.callSettings(options, 'id');
  const outcome = given === undefined ? addOutcomeHint : settings.outcomeHint;
  return transport.request(call, { ...settings, outcomeHint: outcome }, withId(id, decodeRecordInfo));
}

export async function putRecord(transport: Transport, data: unknown, options: PutMemoryOptions): Promise<RecordInfo> {
  const { id, key, namespace, index, embedding, ifVersion, writeId } = options;
  if ((id === undefined) === (key === undefined))
    throw notSentError('invalid_argument', 'give an id or a key, and not both');
  const body = {
    ...{ id: id === undefined ? undefined : checkRecordId(id), key, namespace, index, upsert: true },
    data: checkRecordData(data),
    embeddings: checkEmbedding(embedding),
    expiresAt: resolveExpiry(options),
    ifVersion: checkInteger('ifVersion', ifVersion, 0),
    writeId: checkWriteId(writeId) ?? newWriteId(),
  };
  const call = { route: memoryRoutes.addMemory, body } as const;
  const decode = id === undefined ? decodeRecordInfo : withId(id, decodeRecordInfo);
  return transport.request(call, transport.callSettings(options, ...putOptionNames), decode);
}

export async function getRecord(transport: Transport, id: string, options: CallOptions): Promise<MemoryRecord> {
  const call = { route: memoryRoutes.getMemory, id: checkRecordId(id) } as const;
  return transport.request(call, transport.callSettings(options), withId(id, decodeMemoryRecord));
}

export async function deleteRecord(transport: Transport, id: string, options: CallOptions): Promise<boolean> {
  const call = { route: memoryRoutes.deleteMemory, id: checkStoredId(id) } as const;
  return (await transport.request(call, transport.callSettings(options), decodeDeletedRecord)).deleted;
}

export async function replaceRecord(
  transport: Transport,
  id: string,
  data: unknown,
  { ifVersion, writeId, ...options }: ReplaceMemoryOptions,
): Promise<RecordInfo> {
  const body = {
    data: checkRecordData(data),
    ifVersion: checkInteger('ifVersion', ifVersion, 1),
    writeId: checkWriteId(writeId) ?? newWriteId(),
  };
  const call = { route: memoryRoutes.replaceMemory, id: checkRecordId(id), body } as const;
  return transport.request(call, transport.callSettings(options, 'ifVersion', 'writeId'), withId(id, decodeRecordInfo));
}

/** Query of a list page. */
interface PageQuery {
  readonly limit: number | undefined;
  readonly cursor: string | undefined;
}

export const listRecordsPage = (transport: Transport, query: PageQuery, settings: CallSettings): Promise<MemoryPage> =>
  transport.request({ route: memoryRoutes.listMemory, query: { ...query } }, settings, decodeMemoryPage);

/** What a search sends. */
type SearchBody = Omit<FindMemoryOptions, keyof DamagedOptions | 'near' | 'pageSize' | 'onProgress'> & {
  readonly near?: { readonly vector: readonly number[]; readonly minSimilarity?: number | undefined };
  readonly limit?: number | undefined;
  readonly cursor: string | undefined;
};

/** The text is sent in the body, because URLs are logged. */
export const searchRecordsPage = (
  transport: Transport,
  body: SearchBody,
  settings: CallSettings,
): Promise<SearchPage> => transport.request({ route: memoryRoutes.searchMemory, body }, settings, decodeSearchPage);

/** The nearest records of all pages, as one page. Each page has the nearest of the records that it decrypted. */
export async function nearestRecordsPage(
  transport: Transport,
  { near, limit: pageSize, ...conditions }: Omit<SearchBody, 'near'> & { readonly near: NearOptions },
  settings: CallSettings,
): Promise<SearchPage> {
  checkOptions(near, ['vector', 'limit', 'minSimilarity']);
  if (pageSize !== undefined || conditions.key !== undefined)
    throw notSentError(
      'invalid_argument',
      'near is not combined with key or pageSize: near.limit sets the number of records',
    );
  const limit = checkInteger('near.limit', near.limit, 1, limits.pageSizeMax) ?? limits.nearestRecords;
  const vector = checkVector('near.vector', near.vector);
  const body = { ...conditions, near: { vector, minSimilarity: near.minSimilarity }, limit };
  const damaged: string[] = [];
  let [records, searched, cursor]: [MemoryRecord[], number, string | undefined] = [[], 0, undefined];
  do {
    const page: SearchPage = await searchRecordsPage(transport, { ...body, cursor }, settings);
    const all = [...records, ...page.records].sort((a, b) => (b.similarity ?? -1) - (a.similarity ?? -1));
    records = all.slice(0, limit);
    searched += page.searched;
    damaged.push(...(page.damaged ?? []));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return { records, searched, ...(damaged.length === 0 ? {} : { damaged }) };
}

export const listMessagesPage = (
  transport: Transport,
  query: PageQuery,
  settings: CallSettings,
): Promise<ListMessagesResponse> =>
  transport.request({ route: conversationRoutes.listMessages, query: { ...query } }, settings, decodeMessagePage);
