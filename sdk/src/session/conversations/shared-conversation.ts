/** Finds what lets this device and a peer write to each other, for control messages. */
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import { partyOf } from '../messages/peer-records.ts';
import type { SessionContext } from '../session-context.ts';
import type { ConversationBook } from './conversation-book.ts';
import { mayExchange } from './roster.ts';

/** A conversation that both take part in; undefined if there is none: then only a link can allow it. */
export async function conversationWith(
  context: SessionContext,
  book: ConversationBook,
  device: string,
  certificate: Bytes | undefined,
): Promise<string | undefined> {
  const party = partyOf(context, device, certificate);
  if (party === undefined) return undefined;
  for (const { conversation: id } of await book.list()) {
    const found = await book.find(id);
    if (found !== undefined && mayExchange(context, 'to', party, found.conversation)) return id;
  }
  return undefined;
}
