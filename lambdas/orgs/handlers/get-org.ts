import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import { orgState } from '../org-service.ts';

/** Of an org that is locked or shredded the state is shown too; of any other only once its keyring's MAC was found right. */
export const getOrg = (gate: Gate) =>
  memberChain('getOrg', gate, {
    run: async (_, { keys, stored }) => {
      const keyring = stored();
      const isOpen = keyring.state === 'active' && keyring.lock === undefined;
      return orgState(isOpen ? (await keys()).keyring : keyring);
    },
  });
