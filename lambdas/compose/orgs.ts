/** Composes the functions `public` and `operator`. */
import { Orgs } from '../orgs/org-service.ts';
import { clock } from './common.ts';
import { apiKeys, keyrings, signer } from './stores.ts';

export const publicHost = () => ({ publicKeys: signer() });

export const operatorHost = () => ({ orgs: new Orgs(keyrings(), apiKeys(), clock) });
