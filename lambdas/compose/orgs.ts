/** Composes the functions `public` and `operator`. */
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { localOrgPrefix } from '../../contract/shared/local-orgs.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { OrgService } from '../orgs/org-service.ts';
import { clock } from './common.ts';
import { apiKeys, keyrings, signer } from './stores.ts';

export const createPublicServices = () => ({ publicKeys: signer() });

const randomLocalId = (): string => localOrgPrefix + randomId().slice(localOrgPrefix.length);

export const createOperatorServices = () => ({
  orgs: new OrgService(
    keyrings(),
    apiKeys(),
    clock,
    process.env[functionEnv.localOrgs] === '1' ? randomLocalId : randomId,
  ),
});
