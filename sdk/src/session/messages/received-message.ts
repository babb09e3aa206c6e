/** A stored message as the application sees it. */
import { type Bytes, toHex, utf8Bytes } from '../../../../core/encoding/bytes.ts';
import { type FileList, filesType, parseFileList } from '../../../../core/sessions/file-list.ts';
import type { AttachmentReference } from '../../../../core/sessions/message-content.ts';
import type { CallOptions, CallSettings } from '../../shared/client-options.ts';
import type { SessionContext } from '../session-context.ts';
import type { ReadOptions, ReceivedFile, ReceivedMessage } from '../session-types.ts';
import type { InboxItem } from './message-items.ts';

export type ToSettings = (options: CallOptions, ...own: string[]) => CallSettings;

export function receivedMessage(
  context: SessionContext,
  item: InboxItem,
  toSettings: ToSettings,
  confirm: () => Promise<void>,
): ReceivedMessage {
  const { sender, person, role, place, counter, isLate, isOwn } = item;
  const list = fileListOf(item);
  const body = list === undefined ? item.body : utf8Bytes(list.text);
  const load = (reference: AttachmentReference) => {
    return async ({ onProgress, ...options }: ReadOptions = {}): Promise<Bytes> => {
      const { download } = await import('./attachments.ts');
      return await download(context, item.id, reference, toSettings(options, 'onProgress'), onProgress);
    };
  };
  const copy = (bytes: Bytes) => {
    return async (options: ReadOptions = {}): Promise<Bytes> => {
      toSettings(options, 'onProgress');
      return bytes.slice();
    };
  };
  const read = body instanceof Uint8Array ? copy(body) : load(body);
  const files = (list?.files ?? []).map((file): ReceivedFile => {
    return { name: file.name, type: file.type, length: file.length, read: load(file) };
  });
  return {
    ...{ id: toHex(item.id), conversation: place, counter, isLate, isOwn, files, read, confirm },
    type: list === undefined ? item.type : 'text/plain',
    sender: { device: sender, person, role },
    time: new Date(item.time),
    length: body.length,
    text: async (options) => new TextDecoder().decode(await read(options)),
  };
}

/** A list in another form is a body like every other: its sender is a participant, but can be faulty. */
function fileListOf({ type, body }: InboxItem): FileList | undefined {
  if (type !== filesType || !(body instanceof Uint8Array)) return undefined;
  try {
    return parseFileList(body);
  } catch {
    return undefined;
  }
}
