/** Composes the functions `public` and `operator`. */
import { OrgService } from '../orgs/org-service.ts';
import { authenticationKeys, clock, orgMarks } from './common.ts';
import { apiKeys, keyrings, signer } from './stores.ts';

export const createPublicServices = () => ({ publicKeys: signer() });

export const createOperatorServices = () => ({
  orgs: new OrgService(keyrings(), apiKeys(), authenticationKeys(), orgMarks(), clock),
});
