/** What happens to the device, before and after it is open. */
import type { SessionNotice } from '../../../../sdk/src/session/index.ts';
import { Connection } from './connection.ts';

/** What changed. Views show again what depends on it. */
export type Change = 'connection' | 'messages' | 'directory' | 'questions' | 'tripwires' | 'wake' | 'notice';

export interface Notice {
  readonly kind: SessionNotice['kind'] | 'stopped';
  readonly text: string;
}

/** Changes of the device, before and after it is open. */
export class DeviceEvents {
  readonly connection = new Connection(
    () => this.emit('connection'),
    () => this.emit('wake'),
  );
  readonly #listeners = new Set<(change: Change) => void>();
  /** What a person should know, newest last. */
  readonly notices: Notice[] = [];

  /** @returns ends it */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }

  readonly onNotice = ({ kind, detail }: SessionNotice): void => {
    // The state of the connection says it.
    if (kind === 'sync_failed') return;
    if (kind === 'participants_changed') this.emit('messages');
    else this.addNotice({ kind, text: `${noticeTexts[kind]} (${detail})` });
  };

  addNotice(notice: Notice): void {
    this.notices.push(notice);
    this.emit('notice');
  }
}

const noticeTexts: Readonly<Record<Exclude<SessionNotice['kind'], 'sync_failed' | 'participants_changed'>, string>> = {
  directory_frozen:
    'A device knows a newer directory than the service shows. Its messages stay unread until the service shows it.',
  directory_forked:
    'The service shows two directories. Nothing is sent any more. Compare the code of the directory with your other devices, and ask an admin.',
  directory_behind: 'The service shows an old directory. Ask an admin if it lasts.',
  conversation_conflict: 'The service shows two versions of a conversation. Messages of it are held back.',
  message_quarantined: 'A message could not be opened. It was kept aside, and its sender is asked again.',
  messages_missing: 'Messages are missing. The service did not deliver them, or they are from before this device.',
  message_refused: 'A message could not be delivered.',
  counter_reused: 'A device sent from an old copy of its state.',
  session_restarted: 'A new session with a device was begun.',
};
