/** Composes the functions `public` and `operator`. */
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { localOrgPrefix } from '../../contract/shared/local-orgs.ts';
import { OrgService } from '../orgs/org-service.ts';
import { authenticationKeys, clock, orgMarks } from './common.ts';
import { apiKeys, keyrings, pushSigner, signer } from './stores.ts';

export const createPublicServices = () => ({ publicKeys: signer(), pushKeys: pushSigner() });

export const createOperatorServices = () => {
  const orgIdPrefix = process.env[functionEnv.localOrgs] === '1' ? localOrgPrefix : '';
  return { orgs: new OrgService(keyrings(), apiKeys(), authenticationKeys(), orgMarks(), clock, orgIdPrefix) };
};
