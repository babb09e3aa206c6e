import type { Orgs } from '../domain/orgs.ts';
import { operatorChain } from '../middleware/chains.ts';

export const createOrg = (orgs: Orgs) =>
  operatorChain(
    'createOrg',
    async () => await orgs.create(),
    ({ org }) => org,
  );
