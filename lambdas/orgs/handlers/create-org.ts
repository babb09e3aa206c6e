import { operatorRoute } from '../../middleware/route-handlers.ts';
import type { OrgService } from '../org-service.ts';

export const createOrg = (orgService: OrgService) =>
  operatorRoute(
    'createOrg',
    async () => await orgService.create(),
    ({ org }) => org,
  );
