import { operatorChain } from '../../middleware/route-chains.ts';
import type { Orgs } from '../org-service.ts';

export const createOrg = (orgs: Orgs) =>
  operatorChain(
    'createOrg',
    async () => await orgs.create(),
    ({ org }) => org,
  );
