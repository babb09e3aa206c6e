import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Node } from 'constructs';
import { limits } from '../../contract/shared/limits.ts';
import { contextText, domainPattern, invalidSetting, readMatching } from './context-values.ts';
import { type OperationsSettings, readOperationsSettings } from './operations-settings.ts';

/** Settings of a deployment (`cdk deploy --context key=value`). Every key has a default. */
export interface DeploymentSettings extends OperationsSettings {
  /** Context `stage`, default `dev`: distinguishes deployments in the same account and region. */
  readonly stage: string;
  /** Context `name`, default `anima-vault`: together with the stage, the stack name and the alias of the KEK. */
  readonly name: string;
  /**
   * Context `corsOrigins`, comma-separated, default `*`: origins of web pages that are allowed to call the API. `*`
   * grants no additional access: browsers do not add an API key automatically, so a page can use only a key that it was
   * given.
   */
  readonly corsOrigins: readonly string[];
  /**
   * Context `logRetentionDays`, default 90: retention of all logs; one of the periods that CloudWatch Logs supports.
   */
  readonly logRetention: RetentionDays;
  /**
   * Context `previousKeks`, comma-separated, default none: ARNs of previous KEKs, needed while their DEKs are
   * rewrapped. The key policies of these KEKs must allow it too.
   */
  readonly previousKeks: readonly string[];
  /**
   * Context `rotationDays`, default 0 (never): the age of a DEK at which the next write of its org starts a rotation.
   */
  readonly rotationDays: number;
  /**
   * Context `rotationMessages`, default 0 (never): a rotation starts after this number of values is encrypted with a
   * DEK. The count is sampled, so the rotation can start about 10% earlier or later.
   */
  readonly rotationMessages: number;
  /** Context `auditRetentionDays`, default 400: how many days audit records are kept; 0 means forever. */
  readonly auditRetentionDays: number;
  /**
   * Context `sessionTags`, `on` or `off`, default `on`: functions access data with sessions that IAM limits to one org.
   * With `off`, only the code isolates orgs. It is for accounts whose AssumeRole rate limit is too low for one call per
   * function, org and hour.
   */
  readonly sessionTags: boolean;
  /**
   * Context `endpoints`, default `standard`: the endpoints of AWS that functions call. `fips` and `dual-stack`, or both
   * joined by a comma. The region must have them for every service that the vault uses.
   */
  readonly endpoints: { readonly fips: boolean; readonly dualStack: boolean };
  /**
   * Context `blobMaxBytes`: maximum size of a blob's ciphertext. The default and highest value is `limits.blobBytes` of
   * the contract.
   */
  readonly blobMaxBytes: number;
  /**
   * Context `pageDomain` and `pageCertificateArn`, both or neither: a domain for the link page and its ACM certificate,
   * which must be in us-east-1 for CloudFront. Without them, the page has a CloudFront domain.
   */
  readonly pageDomain: { readonly name: string; readonly certificateArn: string } | undefined;
  /**
   * Context `responder`, default `none`: the function that answers messages. `sample` deploys the responder of this
   * repository. The ARN of a function selects that function, which then receives messages in plaintext. With `none`,
   * messages are only stored.
   */
  readonly responder: 'none' | 'sample' | { readonly arn: string };
  /**
   * Context `publicUrl`, default the URL of the API: the origin that providers call, `https://…`. Some providers
   * include it in their signature, so it must be the URL that is configured at the provider.
   */
  readonly publicUrl: string | undefined;
  /**
   * Context `stableNames`, `on` or `off`, default `off`: tables, buckets and the queue have names that derive from the
   * name and the stage, for buckets also from account and region. Otherwise CloudFormation generates their names.
   * Changing this setting replaces these resources, so it must be chosen before the first deployment.
   */
  readonly stableNames: boolean;
  /**
   * Context `canary`, `on` or `off`, default `off` for the stage `dev`, otherwise `on`: a new version of a function
   * first receives 10% of its invocations for five minutes, and CodeDeploy returns to the previous version on errors.
   */
  readonly canary: boolean;
}

/**
 * No hyphen, so that the last hyphen of `<name>-<stage>` separates both: otherwise the stack of `acme` and `prod-eu` would
 * be that of `acme-prod` and `eu`. Not `data` or `operations`, because these end the names of the other stacks.
 */
const stagePattern = /^(?!(?:data|operations)$)[a-z][a-z0-9]{0,19}$/;
const namePattern = /^[a-z][a-z0-9-]{0,39}$/;

/** Only finite periods: unlimited log retention would contradict deletion guarantees. */
const retentionPeriods = Object.values(RetentionDays).filter(
  (days): days is RetentionDays => typeof days === 'number' && days !== RetentionDays.INFINITE,
);

/** Reads the settings from the CDK context. Throws an error that names the key and its allowed values. */
export const readSettings = (node: Node): DeploymentSettings => ({
  stage: readStage(node),
  name: readMatching(node, 'name', 'anima-vault', namePattern, '1 to 40 of a-z, 0-9 and -, beginning with a letter'),
  corsOrigins: parseOrigins(contextText(node, 'corsOrigins', '*')),
  logRetention: parseRetention(contextText(node, 'logRetentionDays', '90')),
  previousKeks: parseKeyArns(contextText(node, 'previousKeks', '')),
  rotationDays: Number(
    readMatching(node, 'rotationDays', '0', /^(?:0|[1-9][0-9]{0,3})$/, '0 (never) or days up to 9999'),
  ),
  rotationMessages: Number(
    readMatching(node, 'rotationMessages', '0', /^(?:0|[1-9][0-9]{0,14})$/, '0 (never) or a number of values'),
  ),
  auditRetentionDays: Number(
    readMatching(node, 'auditRetentionDays', '400', /^(?:0|[1-9][0-9]{0,4})$/, '0 (for ever) or days up to 99999'),
  ),
  sessionTags: readSwitch(node, 'sessionTags', 'on'),
  endpoints: readEndpoints(node),
  blobMaxBytes: parseBlobMaxBytes(contextText(node, 'blobMaxBytes', String(limits.blobBytes))),
  pageDomain: parsePageDomain(contextText(node, 'pageDomain', ''), contextText(node, 'pageCertificateArn', '')),
  responder: parseResponder(contextText(node, 'responder', 'none')),
  publicUrl: parsePublicUrl(contextText(node, 'publicUrl', '')),
  stableNames: readSwitch(node, 'stableNames', 'off'),
  canary: readSwitch(node, 'canary', readStage(node) === 'dev' ? 'off' : 'on'),
  ...readOperationsSettings(node),
});

const readStage = (node: Node): string =>
  readMatching(
    node,
    'stage',
    'dev',
    stagePattern,
    '1 to 20 of a-z and 0-9, beginning with a letter, not data or operations',
  );

const readSwitch = (node: Node, key: string, fallback: 'on' | 'off'): boolean =>
  readMatching(node, key, fallback, /^(?:on|off)$/, 'on or off') === 'on';

/** Also for constructs that depend on this setting alone. */
export const readEndpoints = (node: Node): DeploymentSettings['endpoints'] => {
  const allowed = 'standard, fips, dual-stack, or fips,dual-stack';
  const text = readMatching(node, 'endpoints', 'standard', /^(?:standard|fips|dual-stack|fips,dual-stack)$/, allowed);
  return { fips: text.startsWith('fips'), dualStack: text.endsWith('dual-stack') };
};

const parseOrigins = (list: string): string[] => {
  const found = list.split(',').map((origin) => origin.trim());
  if (found.length === 1 && found[0] === '*') return found;
  const bad = found.find((origin) => !isOrigin(origin));
  if (bad !== undefined) {
    throw invalidSetting('corsOrigins', bad, '* alone, or origins like https://app.example.com joined by commas');
  }
  return [...new Set(found)];
};

const parseKeyArns = (list: string): string[] => {
  const found = list.split(',').map((arn) => arn.trim());
  const given = found.filter((arn) => arn !== '');
  const bad = given.find((arn) => !/^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key\/[A-Za-z0-9-]+$/.test(arn));
  if (bad !== undefined) throw invalidSetting('previousKeks', bad, 'ARNs of KMS keys joined by commas');
  return [...new Set(given)];
};

/** An origin as browsers send it (RFC 6454, section 6.2): scheme, host and port, without path and trailing slash. */
const isOrigin = (text: string): boolean =>
  /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;

const parseRetention = (days: string): RetentionDays => {
  const period = retentionPeriods.find((allowed) => String(allowed) === days);
  if (period === undefined) throw invalidSetting('logRetentionDays', days, `one of ${retentionPeriods.join(', ')}`);
  return period;
};

const parseBlobMaxBytes = (text: string): number => {
  const bytes = Number(text);
  if (/^[1-9][0-9]{0,14}$/.test(text) && bytes <= limits.blobBytes) return bytes;
  throw invalidSetting('blobMaxBytes', text, `a number of bytes up to ${limits.blobBytes}`);
};

const certificatePattern = /^arn:[a-z-]+:acm:us-east-1:[0-9]{12}:certificate\/[A-Za-z0-9-]+$/;

const parsePageDomain = (name: string, certificateArn: string): DeploymentSettings['pageDomain'] => {
  if (name === '' && certificateArn === '') return undefined;
  if (!domainPattern.test(name)) {
    throw invalidSetting(
      'pageDomain',
      name,
      'a domain like open.example.com together with pageCertificateArn, or neither',
    );
  }
  if (!certificatePattern.test(certificateArn)) {
    const allowed = 'the ARN of a certificate in us-east-1 together with pageDomain, or neither';
    throw invalidSetting('pageCertificateArn', certificateArn, allowed);
  }
  return { name, certificateArn };
};

const functionPattern =
  /^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(?::[A-Za-z0-9_-]{1,128})?$/;

const parseResponder = (text: string): DeploymentSettings['responder'] => {
  if (text === 'none' || text === 'sample') return text;
  if (functionPattern.test(text)) return { arn: text };
  throw invalidSetting('responder', text, 'none, sample, or the ARN of a Lambda function');
};

const parsePublicUrl = (text: string): string | undefined => {
  if (text === '' || (text.startsWith('https://') && isOrigin(text))) return text === '' ? undefined : text;
  throw invalidSetting('publicUrl', text, 'an origin like https://vault.example.com');
};
