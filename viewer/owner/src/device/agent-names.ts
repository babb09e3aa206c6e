/** Names of devices. The directory has none: a person gives them on this device, and they stay on it. */

import { escapeHidden } from '../../../../core/encoding/hidden-characters.ts';
import type { ConversationDevice, SessionDeviceInfo } from '../../../../sdk/src/session/index.ts';
import { shortId } from '../ui/times.ts';
import type { Notes } from './notes.ts';

const note = 'names';
export const maxNameLength = 40;

export class AgentNames {
  readonly #notes: Notes;
  #names: Readonly<Record<string, string>> = {};

  constructor(notes: Notes) {
    this.#notes = notes;
  }

  async load(): Promise<void> {
    this.#names = (await this.#notes.get<Record<string, string>>(note)) ?? {};
  }

  given(device: string): string {
    return this.#names[device] ?? '';
  }

  async give(device: string, name: string): Promise<void> {
    const { [device]: _before, ...others } = this.#names;
    const text = name.trim().slice(0, maxNameLength);
    this.#names = text === '' ? others : { ...others, [device]: text };
    await this.#notes.put(note, this.#names);
  }

  /** What the page calls a device. Ids tell apart what has no name. */
  of({ device, role }: Pick<SessionDeviceInfo | ConversationDevice, 'device' | 'role'>): string {
    const name = this.given(device);
    if (name !== '') return escapeHidden(name);
    const kind = role === 'owner' ? 'Device' : role === 'broker' ? 'Broker' : 'Agent';
    return `${kind} ${shortId(device)}`;
  }
}
