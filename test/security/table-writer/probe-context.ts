/** What the probes of all tables have in common. */
import type { ProviderAnswer } from '../../conversations/local-conversations.ts';
import type { Asker } from './asker.ts';
import type { FactsByRecord } from './facts.ts';
import type { Sms, World } from './world.ts';
import type { OrgWorld } from './world-org.ts';

export interface ProbeContext {
  readonly world: World;
  readonly asker: Asker;
  /** Delivers an SMS, waits until it is handled, and returns the answers. The vault may refuse it. */
  readonly deliver: (sms: Sms) => Promise<ProviderAnswer[]>;
}
/** Kinds and records of the changed items. A slow probe is left out if it does not concern them. */
export type About = Pick<ReadonlySet<string>, 'has'>;
export type Probe = (context: ProbeContext, facts: FactsByRecord, about: About) => Promise<void>;

/** Every plaintext that a name ever had is known. Any other one was altered. */
export function assertKnown(
  { asker }: ProbeContext,
  { plaintexts }: OrgWorld,
  name: string,
  ...texts: unknown[]
): void {
  for (const text of texts) {
    if (!plaintexts.get(name)?.has(String(text))) asker.fault(`altered plaintext of ${name}: ${JSON.stringify(text)}`);
  }
}
