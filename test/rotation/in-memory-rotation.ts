/** A rotation with in-memory ports. Every call can fail like a call to a real service. */
import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { KeyringOpener } from '../../lambdas/org-keys/keyring-opener.ts';
import type { Kek, KekRewrapper, KeyringStore } from '../../lambdas/org-keys/keyring-ports.ts';
import type { RotationProgress, RotationProgressStore } from '../../lambdas/rotation/rotation-ports.ts';
import { KeyringUpdater, type RotationInput, RotationService } from '../../lambdas/rotation/rotation-service.ts';
import { drainSeconds, RotationWorkflow } from '../../lambdas/rotation/rotation-workflow.ts';
import { ValueReencryptor } from '../../lambdas/rotation/value-reencryptor.ts';
import { isMalformed, type ReadValue } from '../../lambdas/shared/ports.ts';
import type { WorkflowStarter, WorkflowSteps } from '../../lambdas/shared/workflow-ports.ts';
import { createRecordVerifiers } from '../records/in-memory-records.ts';
import { createInMemoryVault } from '../shared/in-memory-stores.ts';

/** The outcome of one call. */
export type CallFate = 'killed-before' | 'killed-after' | 'throttled' | 'reply-lost' | 'twice';
export const callFates: readonly CallFate[] = ['killed-before', 'killed-after', 'throttled', 'reply-lost', 'twice'];

/** The process was killed, so none of its work continues. */
export class Killed extends Error {}

/** Counts calls and decides the outcome of the nth call. */
export class CallFaults {
  count = 0;
  readonly #fates: Map<number, CallFate>;

  constructor(fates: Iterable<readonly [call: number, fate: CallFate]> = []) {
    this.#fates = new Map(fates);
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const fate = this.#fates.get(++this.count);
    await turn();
    if (fate === 'killed-before') throw new Killed();
    if (fate === 'throttled') throw new VaultError('unavailable');
    const result = await work();
    if (fate === 'killed-after') throw new Killed();
    if (fate === 'reply-lost') throw new VaultError('unavailable');
    // The AWS client repeats a call if the first reply was lost.
    return fate === 'twice' ? await work() : result;
  }
}

/** Wraps a port so that every call passes through `calls`. */
export const withCallFaults = <Port extends object>(port: Port, calls: CallFaults): Port =>
  new Proxy(port, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]) => await calls.run(async () => await Reflect.apply(method, target, args));
    },
  });

class InMemoryProgress implements RotationProgressStore {
  progress: RotationProgress | undefined;
  async read() {
    return this.progress;
  }
  async save(_org: string, progress: RotationProgress) {
    this.progress = progress;
  }
}

/**
 * A workflow engine: it stores completed steps, retries failed ones, resumes killed workflows, and waits until running
 * `writers` have ended.
 */
class InMemorySteps implements WorkflowSteps {
  readonly results = new Map<string, string>();
  readonly waited = new Set<string>();
  readonly #wait: (seconds: number) => Promise<void>;

  constructor(wait: (seconds: number) => Promise<void>) {
    this.#wait = wait;
  }
  async step<Result>(name: string, run: () => Promise<Result>): Promise<Result> {
    for (;;) {
      const known = this.results.get(name);
      if (known !== undefined) return JSON.parse(known);
      try {
        this.results.set(name, JSON.stringify(await run()));
      } catch (error) {
        if (!(error instanceof VaultError && error.code === 'unavailable')) throw error;
      }
    }
  }
  async wait(name: string, seconds: number): Promise<void> {
    if (this.waited.has(name)) return;
    await this.#wait(seconds);
    this.waited.add(name);
  }
}

export interface RotatedVault extends ReturnType<typeof createInMemoryVault> {
  readonly progress: InMemoryProgress;
  /** Starts a rotation like the route. */
  start(): ReturnType<RotationService['start']>;
  latest(): ReturnType<RotationService['getLatest']>;
  /** Runs all started workflows until they end, even if they are killed repeatedly. */
  finish(): Promise<void>;
  readonly changes: KeyringUpdater;
  readonly started: Map<string, RotationInput>;
  readonly drains: number[];
}

/** @param onDrain runs when a workflow waits for slow functions to end, before the wait ends */
export function createRotatableVault(
  calls = new CallFaults(),
  onDrain: () => Promise<void> = async () => {},
  pages = 50,
): RotatedVault {
  const vault = createInMemoryVault();
  const { stores, kek, marks, time } = vault;
  const clock = () => time.now;
  const progress = new InMemoryProgress();
  const started = new Map<string, RotationInput>();
  const drains: number[] = [];
  const org = vault.caller.org;

  const ports = () => {
    const keyrings: KeyringStore = withCallFaults(stores, calls);
    const theKek: Kek & KekRewrapper = withCallFaults(kek, calls);
    const { keyringVerifier } = createRecordVerifiers(withCallFaults(marks, calls), clock);
    const changes = new KeyringUpdater(
      theKek,
      theKek,
      keyrings,
      new KeyringOpener(theKek, keyringVerifier, clock),
      clock,
    );
    return { changes, progress: withCallFaults(progress, calls) };
  };
  const workflows: WorkflowStarter = {
    start: async (name, input) => await calls.run(async () => void started.set(name, input as RotationInput)),
  };
  const rotations = () => {
    const { changes, progress: saved } = ports();
    return { rotations: new RotationService(changes, saved, workflows, clock), changes };
  };
  const steps = new Map<string, InMemorySteps>();
  const wait = async (seconds: number) => {
    if (seconds < drainSeconds) return;
    drains.push(seconds);
    await onDrain();
    time.now = new Date(time.now.getTime() + seconds * 1000);
  };
  const runOne = async (name: string, input: RotationInput): Promise<void> => {
    const engine = steps.get(name) ?? new InMemorySteps(wait);
    steps.set(name, engine);
    for (;;) {
      const { changes, progress: saved } = ports();
      const sweeping = new ValueReencryptor(
        changes,
        withCallFaults(stores.scan, calls),
        withCallFaults(stores.history, calls),
        clock,
        pages,
      );
      try {
        await new RotationWorkflow(changes, sweeping, saved, clock).run(input, engine);
        return;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
    }
  };
  return {
    ...vault,
    progress,
    started,
    drains,
    changes: ports().changes,
    start: async () => {
      const { rotations: made, changes } = rotations();
      return await made.start(await changes.open(org));
    },
    latest: async () => {
      const { rotations: made, changes } = rotations();
      return await made.getLatest(await changes.open(org));
    },
    finish: async () => {
      for (const [name, input] of started) await runOne(name, input);
    },
  };
}

/** The DEK versions in all sealed strings of the given items. */
export const versionsIn = (items: Iterable<ReadValue>): Set<number> => {
  const versions = new Set<number>();
  for (const item of items) {
    if (isMalformed(item)) continue;
    for (const sealed of [item.value, item.info]) {
      versions.add(Buffer.from(sealed.slice(7, 15), 'base64').readUInt32BE(1));
    }
  }
  return versions;
};

/** Random text of random length. */
export const randomText = (): string => randomBytes(1 + Math.floor(Math.random() * 40)).toString('base64');
