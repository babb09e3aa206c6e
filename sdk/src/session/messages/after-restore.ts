/** What a device does that was restored from a backup (docs/format-sessions.md, section 8). */
import type { ConversationItem } from '../conversations/conversation-book.ts';
import type { SessionContext } from '../session-context.ts';
import type { Changes } from '../storage/session-store.ts';
import { type OutItem, prefixes, type SentItem } from './message-items.ts';

/** More than a backup misses. Recipients report the gap, since they cannot tell it from lost messages. */
const skippedCounters = 1_000;

/**
 * Puts everything back that was sealed for a device, and continues the counters of conversations above those that were
 * used after the backup: a recipient drops a counter that it has.
 */
export async function afterRestore({ store }: SessionContext, changes: Changes, device: string): Promise<void> {
  const counters = new Map<string, number>();
  for await (const [name, item] of store.items<ConversationItem>('conversation/')) {
    const counter = item.counter + skippedCounters;
    counters.set(name.slice('conversation/'.length), counter);
    changes.put(name, { ...item, counter });
  }
  for await (const [name, out] of store.items<OutItem>(`${prefixes.out}${device}/`)) {
    changes.delete(name);
    if (out.todo === undefined) continue;
    const [todoName, todo] = out.todo;
    changes.put(todoName, todo);
    if (todo.kind === 'message') await renumber(store, changes, counters, todo.id);
  }
}

/** A message that no device has yet gets a new counter. */
async function renumber(
  store: SessionContext['store'],
  changes: Changes,
  counters: Map<string, number>,
  id: string,
): Promise<void> {
  const sent = await store.item<SentItem>(prefixes.sent + id);
  const last = sent && counters.get(sent.place);
  if (sent === undefined || last === undefined) return;
  if (Object.values(sent.devices).some((state) => state !== 'queued')) return;
  const name = `conversation/${sent.place}`;
  const item = await store.item<ConversationItem>(name);
  if (item === undefined) return;
  counters.set(sent.place, last + 1);
  changes.put(name, { ...item, counter: last + 1 }).put(prefixes.sent + id, { ...sent, counter: last + 1 });
}
