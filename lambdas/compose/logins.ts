/** Composes the function `logins`. */
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { IssuerKeys } from '../logins/issuer-keys.ts';
import { LoginRecordVerifier } from '../logins/login-record-verifier.ts';
import { attemptItemId, DynamoLogins } from '../logins/stores/dynamo-logins.ts';
import { HttpsIssuerKeys } from '../logins/stores/https-issuer-keys.ts';
import { HttpsSts } from '../logins/stores/https-sts.ts';
import { TokenVerifier } from '../logins/token-verifier.ts';
import { WorkloadLoginService } from '../logins/workload-login-service.ts';
import { DynamoAttempts } from '../shared/stores/dynamo-attempts.ts';
import { authenticationKeys, clock, orgDynamoClients, orgMarks, requireSetting } from './common.ts';
import { apiKeys } from './stores.ts';

/** Set only in the local vault: issuers can be on this machine, and STS is emulated. */
export const isLocalVault = (): boolean => process.env[functionEnv.localOrgs] === '1';

export const logins = () => new DynamoLogins(orgDynamoClients(), requireSetting('loginTable'));

export function createWorkloadLoginServices() {
  const store = logins();
  const pageUrl = process.env[functionEnv.pageUrl];
  return new WorkloadLoginService({
    logins: store,
    used: store,
    verifier: new LoginRecordVerifier(authenticationKeys(), orgMarks()),
    tokens: new TokenVerifier(new IssuerKeys(new HttpsIssuerKeys(isLocalVault()), clock), clock),
    sts: new HttpsSts(isLocalVault() ? process.env.AWS_ENDPOINT_URL_STS : undefined),
    attempts: new DynamoAttempts(orgDynamoClients(), requireSetting('loginTable'), attemptItemId),
    apiKeys: apiKeys(),
    keys: authenticationKeys(),
    clock,
    urls: [...requireSetting('loginUrls').split(','), ...(pageUrl === undefined || pageUrl === '' ? [] : [pageUrl])],
  });
}
