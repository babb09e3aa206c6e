/**
 * A sample responder for testing. Its reply shows that it received the message, its files and the conversation. It
 * stores nothing.
 */
import { openMedia } from '../../core/messages/media-object.ts';

interface Media {
  readonly id: string;
  readonly kind: string;
  readonly type?: string;
  readonly url: string;
  readonly key: string;
}

interface Request {
  readonly org: string;
  readonly message: { readonly text: string; readonly media?: readonly Media[] };
  readonly history: readonly { readonly role: string }[];
}

export const answerAsSample = async ({ org, message, history }: Request): Promise<{ text: string }> => {
  // As strict as many models: an empty text is refused.
  if (message.text === '') throw new Error('the message has no text');
  const count = history.filter(({ role }) => role === 'user').length + 1;
  const files = await Promise.all((message.media ?? []).map((media) => describeFile(org, media)));
  const withFiles = files.length === 0 ? '' : `, with ${files.join(' and ')}`;
  return { text: `You said: ${message.text} (message ${count} of this conversation)${withFiles}` };
};

/** Fetches and decrypts a file. `image/png of 67 bytes` */
async function describeFile(org: string, { id, kind, type, url, key }: Media): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error('the file could not be fetched');
  const file = openMedia(org, id, key, Buffer.from(await response.arrayBuffer()));
  return `${type ?? kind} of ${file.length} bytes`;
}
