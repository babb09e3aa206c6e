/** When a rotation is due by the settings of the deployment; noticed by who writes. */
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { Clock } from '../shared/ports.ts';
import type { Workflows } from '../shared/workflow-ports.ts';
import type { EncryptionObserver } from '../values/value-ports.ts';
import type { MessageCounter } from './rotation-ports.ts';
import type { RotationInput } from './rotation-service.ts';

export interface RotationSettings {
  /** Days after which a DEK is followed by the next; 0 for never. */
  readonly days: number;
  /** Sealed values after which it is; 0 for never. */
  readonly messages: number;
}

/** The count is written about so many times in the life of a DEK, and is off by about one part in the root of that. */
const samples = 100;
/** A DEK that is due is told of again after this, should it still be active: the workflow may not have come about. */
const againAfter = 60_000;
/** Orgs that were told of lately. */
const toldMost = 1000;

export class RotationDue implements EncryptionObserver {
  readonly #settings: RotationSettings;
  readonly #workflows: () => Workflows;
  readonly #counter: () => MessageCounter;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #told = new Map<string, number>();

  /** Workflows and counter are only asked for when the settings need them. */
  constructor(
    settings: RotationSettings,
    workflows: () => Workflows,
    counter: () => MessageCounter,
    clock: Clock,
    random: () => number = Math.random,
  ) {
    this.#settings = settings;
    this.#workflows = workflows;
    this.#counter = counter;
    this.#clock = clock;
    this.#random = random;
  }

  /** Starts a rotation if one is due after another value was sealed. Never fails: the value is stored, whatever becomes of this. */
  async noteSealed({ keyring, active }: OpenKeyring): Promise<void> {
    if (active === undefined) return;
    const { org, activeVersion: from } = keyring;
    try {
      if (!(this.#tooOld(keyring.deks[from - 1]?.createdAt) || (await this.#tooMany(org, from)))) return;
      const now = this.#clock().getTime();
      const id = `${org}-${from}`;
      if ((this.#told.get(id) ?? 0) > now - againAfter) return;
      if (this.#told.size >= toldMost) this.#told.clear();
      this.#told.set(id, now);
      // The same name as of a rotation that is asked for: whichever comes first, it is one.
      await this.#workflows().start(id, { task: 'rotate', org, from } satisfies RotationInput);
    } catch {
      // The next write notices it again.
    }
  }

  #tooOld(createdAt: string | undefined): boolean {
    const { days } = this.#settings;
    return days > 0 && createdAt !== undefined && Date.parse(createdAt) + days * 86_400_000 <= this.#clock().getTime();
  }

  /** Of every `step` values about one is counted, as `step`. */
  async #tooMany(org: string, version: number): Promise<boolean> {
    const { messages } = this.#settings;
    if (messages === 0) return false;
    const step = Math.max(1, Math.floor(messages / samples));
    if (this.#random() * step >= 1) return false;
    return (await this.#counter().add(org, version, step)) >= messages;
  }
}
