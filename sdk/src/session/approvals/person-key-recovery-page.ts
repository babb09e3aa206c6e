import { renderCodePage } from '../../device/recovery/recovery-page.ts';
import type { PersonKeyRecovery } from './person-key-types.ts';

/** A printable HTML page with a recovery code of the key of a person: without scripts, and without external content. */
export const personKeyRecoveryPage = ({ code, org, person, epoch, createdAt }: PersonKeyRecovery): string =>
  renderCodePage({
    code,
    opens: 'Anyone who has this code, and what the service stores, can open the values that wait for your approval.',
    facts: [
      ['Organization', org],
      ['Person', person],
      ['Epoch of the key', String(epoch)],
      ['Made on', createdAt.toISOString().slice(0, 10)],
    ],
    recover:
      'Use this code when no device that answers for you is left: on a new one, after an admin has revoked the lost ones, with the command anima approvals key recover. The key is replaced then, and you get a new code; this one is no longer valid.',
    notes: [['New codes', 'Each rotation of the key gives a new code. This one opens nothing that is set after it.']],
  });
