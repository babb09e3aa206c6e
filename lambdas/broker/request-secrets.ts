/** What request keys are derived from, sealed with the DEK of the org (docs/format-approvals.md, section 7). */
import { open, type SealContext, seal } from '../../core/encryption/sealed-string.ts';
import type { RequestSecrets } from '../approvals/asked-use.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';

const sealContext = (org: string, approval: string): SealContext => ['approval.request', org, approval];

export const requestSecrets = (keys: OpenKeyring): RequestSecrets => ({
  seal: (approval, secret) => {
    if (keys.active === undefined) throw new Error('a value is used in an org without values');
    return seal(keys.active, sealContext(keys.keyring.org, approval), Buffer.from(secret));
  },
  open: async (approval, sealed) => {
    const dek = await keys.dekOf(sealed);
    return open(dek, sealContext(dek.org, approval), sealed);
  },
});
