import { orgState } from '../domain/orgs.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

/** Of an org that is locked or shredded the state is shown too; of any other only once its keyring's MAC was found right. */
export const getOrg = (gate: Gate) =>
  memberChain('getOrg', gate, {
    run: async (_, { keys, stored }) => {
      const keyring = stored();
      const isOpen = keyring.state === 'active' && keyring.lock === undefined;
      return orgState(isOpen ? (await keys()).keyring : keyring);
    },
  });
