import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { assertOrgActive } from '../../org-keys/keyring-verifier.ts';
import type { BrokerIdentity } from '../broker-identity.ts';

export const getBrokerKeys = (auth: ApiKeyAuth, identity: BrokerIdentity) =>
  apiKeyRoute('getBrokerKeys', auth, {
    subject: ({ params }) => ({ name: params.person }),
    run: async ({ params }, { caller, storedKeyring }) => {
      assertOrgActive(await storedKeyring());
      return await identity.publicKeys(caller.org, params.person);
    },
  });
