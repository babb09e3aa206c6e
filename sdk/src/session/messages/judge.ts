/**
 * Decides which opened messages the application gets: those whose sender may write here by the newest verified directory,
 * once, and in the order of their sender.
 */
import { findParticipant, type Participant } from '../../../../core/directory/may-write.ts';
import { type Bytes, toHex } from '../../../../core/encoding/bytes.ts';
import { resyncAnswerType } from '../../../../core/sessions/resync.ts';
import type { ConversationBook } from '../conversations/conversation-book.ts';
import { linkBetween, mayExchange } from '../conversations/roster.ts';
import type { SessionContext } from '../session-context.ts';
import { Changes } from '../storage/session-store.ts';
import { applyReceipt, stageReceipts } from './delivery.ts';
import { controlPlace, type HeldItem, type InboxItem, prefixes, receiptType, type TrackItem } from './message-items.ts';
import { loadPeer, partyOf } from './peer-records.ts';

/** How long a message waits for one with a lower counter. */
export const gapWaitMs = 30_000;
const idsKept = 1_000;
/** Ranges that are remembered as missing for one sender and place. Older ones no longer arrive late. */
const maxRanges = 100;

export interface JudgeResult {
  /** Senders whose directory is newer than the one that the service shows. */
  readonly frozen: ReadonlySet<string>;
  /** Whether a message names a conversation that this device does not know. */
  readonly needsConversations: boolean;
  /** Whether a message waits for one with a lower counter. */
  readonly hasGaps: boolean;
}

type Verdict = 'give' | 'ahead' | 'no_conversation' | 'gap' | 'wait';

const trackName = (sender: string, place: string): string => `${prefixes.track}${sender}/${place}`;

export class Judge {
  readonly #context: SessionContext;
  readonly #book: ConversationBook;
  #reported: ReadonlySet<string> = new Set();

  constructor(context: SessionContext, book: ConversationBook) {
    this.#context = context;
    this.#book = book;
  }

  async judge(): Promise<JudgeResult> {
    const frozen = new Set<string>();
    let needsConversations = false;
    let hasGaps = false;
    // Again after each success: a message that waits may be the next one now.
    for (let isChanged = true; isChanged; ) {
      isChanged = false;
      hasGaps = false;
      for (const [name, item] of await this.#held()) {
        const verdict = await this.#context.turn(() => this.#judgeOne(name, item));
        if (verdict === 'ahead') frozen.add(item.sender);
        if (verdict === 'no_conversation') needsConversations = true;
        if (verdict === 'gap') hasGaps = true;
        if (verdict === 'give') isChanged = true;
      }
    }
    this.#report(frozen);
    return { frozen, needsConversations, hasGaps };
  }

  /** By sender and place, then by counter, so that one pass gives a sender's messages in their order. */
  async #held(): Promise<readonly (readonly [string, HeldItem])[]> {
    const groups = new Map<string, (readonly [string, HeldItem])[]>();
    for await (const one of this.#context.store.items<HeldItem>(prefixes.held)) {
      const { sender, content } = one[1];
      const name = trackName(sender, content.conversation);
      const group = groups.get(name) ?? [];
      group.push(one);
      groups.set(name, group);
    }
    return [...groups.values()].flatMap((group) => group.sort(([, a], [, b]) => a.content.counter - b.content.counter));
  }

  #report(frozen: ReadonlySet<string>): void {
    for (const sender of frozen) {
      if (!this.#reported.has(sender))
        this.#context.notify({ kind: 'directory_frozen', detail: `device ${sender} knows a newer directory` });
    }
    this.#reported = frozen;
  }

  async #judgeOne(name: string, item: HeldItem): Promise<Verdict> {
    const context = this.#context;
    const { store, directory, clock, own } = context;
    const { sender, content } = item;
    if ((await store.bytes(name)) === undefined) return 'wait';
    const relation = directory.compare(content.head);
    if (relation === 'ahead') return 'ahead';
    if (relation === 'forked') {
      await this.#fork(sender);
      return 'wait';
    }
    const certificate = (await loadPeer(context, sender))?.certificate;
    const party = partyOf(context, sender, certificate);
    const participant = party === undefined ? undefined : findParticipant(directory.state, party, clock.now());
    if (party === undefined || participant === undefined) return 'wait';
    if (content.conversation === controlPlace) return await this.#control(name, item);
    const found = await this.#book.find(content.conversation);
    const isLink = found === undefined && linkBetween(context, sender, certificate) === content.conversation;
    if (found === undefined && !isLink) return 'no_conversation';
    // The sender may have another version of the conversation.
    if (!mayExchange(context, 'from', party, found?.conversation)) return 'no_conversation';
    const person = directory.state.devices.get(own.device.id)?.person;
    return await this.#give(name, item, participant, isLink, person === participant.person);
  }

  async #fork(sender: string): Promise<void> {
    const { directory, notify } = this.#context;
    if (directory.isForked) return;
    await directory.reportFork();
    notify({ kind: 'directory_forked', detail: `device ${sender} has another entry` });
  }

  async #control(name: string, { sender, content }: HeldItem): Promise<Verdict> {
    if (content.type === receiptType && content.body instanceof Uint8Array)
      await applyReceipt(this.#context, sender, content.body);
    // An answer to a resync needs nothing: the session that it opened is first now.
    if (content.type === resyncAnswerType)
      this.#context.notify({ kind: 'session_restarted', detail: `with device ${sender}` });
    await this.#context.store.write(new Changes().delete(name));
    return 'give';
  }

  async #give(
    name: string,
    { sender, content, at }: HeldItem,
    { person, role }: Participant,
    isLink: boolean,
    isOwn: boolean,
  ): Promise<Verdict> {
    const { store, sequence, clock } = this.#context;
    const { counter, conversation: place } = content;
    const track = (await store.item<TrackItem>(trackName(sender, place))) ?? { next: 1, missing: [], ids: [] };
    const isMissing = track.missing.some(([from, to]) => counter >= from && counter <= to);
    const isKnown = track.ids.includes(toHex(content.id)) || (counter < track.next && !isMissing);
    const changes = new Changes().delete(name);
    const receipt = () =>
      stageReceipts(this.#context, changes, sender, isLink ? undefined : place, 'delivered', [content.id]);
    if (isKnown) {
      // The sender has not seen the receipt.
      receipt();
      await store.write(changes);
      return 'give';
    }
    if (counter > track.next && clock.now() - at < gapWaitMs) return 'gap';
    changes.put(trackName(sender, place), this.#advance(track, counter, content.id, sender, place));
    const item: InboxItem = {
      ...{ sender, person, role, id: content.id, place, counter, isLate: isMissing, isOwn },
      ...{ time: content.time, type: content.type, body: content.body, at: clock.now() },
    };
    changes.put(prefixes.inbox + sequence.item(changes), item);
    receipt();
    await store.write(changes);
    return 'give';
  }

  #advance(track: TrackItem, counter: number, id: Bytes, sender: string, place: string): TrackItem {
    const ids = [...track.ids, toHex(id)].slice(-idsKept);
    if (counter < track.next) {
      const missing = track.missing.flatMap(([from, to]): readonly (readonly [number, number])[] =>
        counter < from || counter > to
          ? [[from, to]]
          : (
              [
                [from, counter - 1],
                [counter + 1, to],
              ] as const
            ).filter(([a, b]) => a <= b),
      );
      return { ...track, missing, ids };
    }
    if (counter === track.next) return { ...track, next: counter + 1, ids };
    const gap = [track.next, counter - 1] as const;
    this.#context.notify({
      kind: 'messages_missing',
      detail: `${gap[0]} to ${gap[1]} of device ${sender} in ${place}`,
    });
    return { next: counter + 1, missing: [...track.missing, gap].slice(-maxRanges), ids };
  }
}
