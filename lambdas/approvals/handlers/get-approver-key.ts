import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { assertOrgActive } from '../../org-keys/keyring-verifier.ts';
import type { PersonKeyStore } from '../approval-ports.ts';
import { getApproverKeyOf } from '../person-key-service.ts';

export const getApproverKey = (auth: ApiKeyAuth, store: Pick<PersonKeyStore, 'getPersonKey'>) =>
  apiKeyRoute('getApproverKey', auth, {
    subject: ({ params }) => ({ name: params.person }),
    run: async ({ params }, { caller, storedKeyring }) => {
      assertOrgActive(await storedKeyring());
      return await getApproverKeyOf(store, caller.org, params.person);
    },
  });
