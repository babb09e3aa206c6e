/** Starts rotations that are due by the deployment's settings. Checked after each write. */
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { Clock } from '../shared/ports.ts';
import type { WorkflowStarter } from '../shared/workflow-ports.ts';
import type { EncryptionObserver } from '../values/value-ports.ts';
import type { MessageCounter } from './rotation-ports.ts';
import type { RotationInput } from './rotation-service.ts';

export interface RotationThresholds {
  /** Maximum age of a DEK in days; 0 for no limit. */
  readonly days: number;
  /** Maximum number of values encrypted with a DEK; 0 for no limit. */
  readonly messages: number;
}

/**
 * Approximate number of counter updates in the life of a DEK. The relative error of the count is about one over its
 * square root.
 */
const countUpdatesPerDek = 100;
/**
 * If a DEK that is due is still active after this time, the rotation is started again, because the workflow may not
 * have run. Milliseconds.
 */
const restartAfterMs = 60_000;
/** Maximum number of remembered starts. */
const maxRememberedOrgs = 1000;

export class RotationTrigger implements EncryptionObserver {
  readonly #thresholds: RotationThresholds;
  readonly #workflowStarter: () => WorkflowStarter;
  readonly #counter: () => MessageCounter;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #startedAt = new Map<string, number>();

  /** @param workflowStarter created only if a rotation is due @param counter created only if `messages` is set */
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

  /**
   * Starts a rotation if one is due. Call it after a value was encrypted. Never fails, because the value is already
   * stored.
   */
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
      // Same execution name as for a rotation that an admin starts, so both together start only one workflow.
      await this.#workflowStarter().start(executionName, { task: 'rotate', org, from } satisfies RotationInput);
    } catch {
      // The next write tries again.
    }
  }

  #isDekTooOld(createdAt: string | undefined): boolean {
    const { days } = this.#thresholds;
    return days > 0 && createdAt !== undefined && Date.parse(createdAt) + days * 86_400_000 <= this.#clock().getTime();
  }

  /** Sampled count: about one in `step` values is counted, with weight `step`. */
  async #isMessageCountReached(org: string, version: number): Promise<boolean> {
    const { messages } = this.#thresholds;
    if (messages === 0) return false;
    const step = Math.max(1, Math.floor(messages / countUpdatesPerDek));
    if (this.#random() * step >= 1) return false;
    return (await this.#counter().add(org, version, step)) >= messages;
  }
}
