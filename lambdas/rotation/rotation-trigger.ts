/** When a rotation is due by the settings of the deployment; noticed by who writes. */
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { Clock } from '../shared/ports.ts';
import type { WorkflowStarter } from '../shared/workflow-ports.ts';
import type { EncryptionObserver } from '../values/value-ports.ts';
import type { MessageCounter } from './rotation-ports.ts';
import type { RotationInput } from './rotation-service.ts';

export interface RotationThresholds {
  /** Days after which a DEK is followed by the next; 0 for never. */
  readonly days: number;
  /** Sealed values after which it is; 0 for never. */
  readonly messages: number;
}

/** The count is written about so many times in the life of a DEK, and is off by about one part in the root of that. */
const countUpdatesPerDek = 100;
/** A DEK that is due is told of again after this, should it still be active: the workflow may not have come about. */
const restartAfterMs = 60_000;
/** Orgs that were told of lately. */
const maxRememberedOrgs = 1000;

export class RotationTrigger implements EncryptionObserver {
  readonly #thresholds: RotationThresholds;
  readonly #workflowStarter: () => WorkflowStarter;
  readonly #counter: () => MessageCounter;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #startedAt = new Map<string, number>();

  /** Workflows and counter are only asked for when the settings need them. */
  constructor(
    thresholds: RotationThresholds,
    workflowStarter: () => WorkflowStarter,
    counter: () => MessageCounter,
    clock: Clock,
    random: () => number = Math.random,
  ) {
    this.#thresholds = thresholds;
    this.#workflowStarter = workflowStarter;
    this.#counter = counter;
    this.#clock = clock;
    this.#random = random;
  }

  /** Starts a rotation if one is due after another value was sealed. Never fails: the value is stored, whatever becomes of this. */
  async recordEncryption({ keyring, active }: OpenKeyring): Promise<void> {
    if (active === undefined) return;
    const { org, activeVersion: from } = keyring;
    try {
      if (!(this.#isDekTooOld(keyring.deks[from - 1]?.createdAt) || (await this.#isMessageCountReached(org, from))))
        return;
      const now = this.#clock().getTime();
      const executionName = `${org}-${from}`;
      if ((this.#startedAt.get(executionName) ?? 0) > now - restartAfterMs) return;
      if (this.#startedAt.size >= maxRememberedOrgs) this.#startedAt.clear();
      this.#startedAt.set(executionName, now);
      // The same name as of a rotation that is asked for: whichever comes first, it is one.
      await this.#workflowStarter().start(executionName, { task: 'rotate', org, from } satisfies RotationInput);
    } catch {
      // The next write notices it again.
    }
  }

  #isDekTooOld(createdAt: string | undefined): boolean {
    const { days } = this.#thresholds;
    return days > 0 && createdAt !== undefined && Date.parse(createdAt) + days * 86_400_000 <= this.#clock().getTime();
  }

  /** Of every `step` values about one is counted, as `step`. */
  async #isMessageCountReached(org: string, version: number): Promise<boolean> {
    const { messages } = this.#thresholds;
    if (messages === 0) return false;
    const step = Math.max(1, Math.floor(messages / countUpdatesPerDek));
    if (this.#random() * step >= 1) return false;
    return (await this.#counter().add(org, version, step)) >= messages;
  }
}
