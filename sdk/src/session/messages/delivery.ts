/** How far messages of this device are, and receipts. */
import { type Bytes, concatBytes, toHex } from '../../../../core/encoding/bytes.ts';
import { messageIdLength } from '../../../../core/sessions/message-content.ts';
import type { SessionContext } from '../session-context.ts';
import type { DeliveryState, SentMessage } from '../session-types.ts';
import { Changes } from '../storage/session-store.ts';
import { prefixes, receiptType, type SentItem, type TodoItem, todoName } from './message-items.ts';

const order: readonly DeliveryState[] = ['refused', 'queued', 'sent', 'delivered', 'read'];
const rank = (state: DeliveryState): number => order.indexOf(state);

/** Receipt: one byte for the state, then the ids of messages. */
const receiptKinds = { delivered: 1, read: 2 } as const;
const idsPerReceipt = 255;

/** Moves a message forward at one device; never back, except that a refused one can be sent again. */
export async function setDelivery(
  context: SessionContext,
  changes: Changes,
  id: string,
  device: string,
  state: DeliveryState,
): Promise<void> {
  const name = prefixes.sent + id;
  const sent = await context.store.item<SentItem>(name);
  const before = sent?.devices[device];
  if (sent === undefined || before === undefined || (state !== 'refused' && rank(state) <= rank(before))) return;
  if (state === 'refused' && rank(before) > rank('queued')) return;
  const devices = { ...sent.devices, [device]: state };
  const isDone = Object.values(devices).every((one) => one === 'refused' || rank(one) >= rank('delivered'));
  changes.put(name, { ...sent, devices, body: isDone && context.historyDays === 0 ? undefined : sent.body });
}

/** Makes receipts for one device. */
export function stageReceipts(
  { receipts, sequence }: SessionContext,
  changes: Changes,
  device: string,
  conversation: string | undefined,
  kind: keyof typeof receiptKinds,
  ids: readonly Bytes[],
): void {
  if (!receipts) return;
  for (let at = 0; at < ids.length; at += idsPerReceipt) {
    const body = concatBytes(Uint8Array.of(receiptKinds[kind]), ...ids.slice(at, at + idsPerReceipt));
    const todo: TodoItem = { kind: 'control', type: receiptType, body, conversation };
    changes.put(todoName(device, 'control', sequence.item(changes)), todo);
  }
}

/** Applies a receipt of a device. Ids of messages that were not for this device are ignored. */
export async function applyReceipt(context: SessionContext, device: string, body: Bytes): Promise<void> {
  const state = body[0] === receiptKinds.read ? 'read' : body[0] === receiptKinds.delivered ? 'delivered' : undefined;
  if (state === undefined || (body.length - 1) % messageIdLength !== 0) return;
  const ids = new Set<string>();
  for (let at = 1; at < body.length; at += messageIdLength) ids.add(toHex(body.subarray(at, at + messageIdLength)));
  for (const id of ids) {
    const changes = new Changes();
    await setDelivery(context, changes, id, device, state);
    await context.store.write(changes);
  }
  const changes = new Changes();
  for await (const [name, todo] of context.store.items<TodoItem>(`${prefixes.unconfirmed}${device}/`)) {
    if (todo.kind === 'message' && ids.has(todo.id)) changes.delete(name);
  }
  await context.store.write(changes);
}

/** The lowest state of the other participants, each by the device that is farthest. */
export function sentMessageOf({ id, place, devices, persons }: SentItem, ownPerson: string): SentMessage {
  const best = new Map<string, DeliveryState>();
  for (const [device, state] of Object.entries(devices)) {
    const person = persons[device] ?? device;
    const before = best.get(person);
    if (before === undefined || rank(state) > rank(before)) best.set(person, state);
  }
  // Copies for the own devices count only if there is nobody else.
  if (best.size > 1) best.delete(ownPerson);
  const states = [...best.values()].sort((a, b) => rank(a) - rank(b));
  return { id: toHex(id), conversation: place, state: states[0] ?? 'queued', devices };
}
