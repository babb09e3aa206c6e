import type { Node } from 'constructs';
import { backgroundFunctions, routeGroups } from '../../contract/routes.ts';
import { contextText, domainPattern, invalidSetting, readList, readMatching, readNumber } from './context-values.ts';
import type { Entry } from './handler-bundles.ts';

/** The settings for limits, alarms and networks. They are part of the deployment settings. */
export interface OperationsSettings {
  /**
   * Context `alarmTopicArn`, default none: the SNS topic that alarms notify. Its policy, and the policy of its KMS key,
   * must allow CloudWatch (docs/guide-operator.md). Without it, alarms only change their state.
   */
  readonly alarmTopicArn: string | undefined;
  /**
   * Context `monthlyBudgetUsd`, default none: AWS Budgets warns at 80% and 100% of this amount, and if the forecast
   * exceeds it. It notifies `budgetEmail`, or `alarmTopicArn` if there is no address.
   */
  readonly monthlyBudget: { readonly usd: number; readonly email: string | undefined } | undefined;
  /**
   * Context `workerConcurrency`, 2 to 1000, default none: reserved concurrency of the worker, and maximum concurrency
   * of its queue. By default, the queue uses at most 50 environments and none are reserved: new accounts have a quota
   * of 10, and Lambda rejects a reservation that leaves too few.
   */
  readonly workerConcurrency: number | undefined;
  /**
   * Context `brokerConcurrency`, 1 to 1000, default none: reserved concurrency of the broker, and its maximum. A slow
   * host then cannot take the concurrency of other functions.
   */
  readonly brokerConcurrency: number | undefined;
  /**
   * Context `memoryMb`, default 1024: memory of the functions. `1024,worker=2048` sets it for one function. Lambda
   * allocates CPU in proportion to memory.
   */
  readonly memoryMb: { readonly all: number; readonly of: Readonly<Partial<Record<Entry, number>>> };
  /** Context `requestsPerSecond`, default 500: requests that API Gateway accepts per second; twice as many at once. */
  readonly requestsPerSecond: number;
  /** Context `tags`, `key=value` separated by commas, default none: tags of all resources, in addition to our own. */
  readonly tags: Readonly<Record<string, string>>;
  /**
   * Context `apiDomain` and `apiCertificateArn`, both or neither: a domain for the API and its ACM certificate in the
   * region of the deployment. The API's own address is disabled then.
   */
  readonly apiDomain: { readonly name: string; readonly certificateArn: string } | undefined;
  /**
   * Context `socketDomain` and `socketCertificateArn`, both or neither: a domain for the WebSocket API and its ACM
   * certificate in the region of the deployment. It cannot be `apiDomain`.
   */
  readonly socketDomain: { readonly name: string; readonly certificateArn: string } | undefined;
  /** Context `pageWebAclArn`, default none: an AWS WAF web ACL for CloudFront, which protects the link page. */
  readonly pageWebAclArn: string | undefined;
  /**
   * Context `vpc`, `none` or `private`, default `none`: whether functions run in subnets without a route to the
   * internet. `private` creates a VPC with endpoints for the services that functions call. With `vpcId` and
   * `vpcSubnetIds`, it uses these subnets, which must have the endpoints.
   */
  readonly network: 'none' | 'new' | { readonly vpcId: string; readonly subnetIds: readonly string[] };
}

const topicPattern = /^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$/;
const certificatePattern = /^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate\/[A-Za-z0-9-]+$/;
/** Web ACLs for CloudFront are global, and WAF keeps them in us-east-1. */
const webAclPattern = /^arn:[a-z-]+:wafv2:us-east-1:[0-9]{12}:global\/webacl\/[A-Za-z0-9_-]{1,128}\/[a-f0-9-]{36}$/;

/** Reads the settings from the CDK context. Throws an error that names the key and its allowed values. */
export const readOperationsSettings = (node: Node): OperationsSettings => {
  const alarmTopicArn = readOptional(node, 'alarmTopicArn', topicPattern, 'the ARN of an SNS topic that is not FIFO');
  return {
    alarmTopicArn,
    monthlyBudget: readBudget(node, alarmTopicArn),
    workerConcurrency: readNumber(node, 'workerConcurrency', 2, 1000),
    brokerConcurrency: readNumber(node, 'brokerConcurrency', 1, 1000),
    memoryMb: readMemory(node),
    requestsPerSecond: readNumber(node, 'requestsPerSecond', 1, 100_000) ?? 500,
    tags: readTags(node),
    ...readDomains(node),
    pageWebAclArn: readOptional(node, 'pageWebAclArn', webAclPattern, 'the ARN of a web ACL for CloudFront (global)'),
    network: readNetwork(node),
  };
};

const readOptional = (node: Node, key: string, pattern: RegExp, allowed: string): string | undefined => {
  const value = contextText(node, key, '');
  if (value !== '' && !pattern.test(value)) throw invalidSetting(key, value, allowed);
  return value === '' ? undefined : value;
};

const readBudget = (node: Node, topic: string | undefined): OperationsSettings['monthlyBudget'] => {
  const usd = readNumber(node, 'monthlyBudgetUsd', 1, 10_000_000);
  const email = readOptional(node, 'budgetEmail', /^[^\s@,]+@[^\s@,]+\.[^\s@,]+$/, 'an e-mail address');
  if (usd === undefined && email !== undefined)
    throw invalidSetting('budgetEmail', email, 'monthlyBudgetUsd too, or leave both out');
  if (usd === undefined) return undefined;
  if (email === undefined && topic === undefined)
    throw invalidSetting('monthlyBudgetUsd', String(usd), 'budgetEmail or alarmTopicArn too, which it notifies');
  return { usd, email };
};

const entries: readonly Entry[] = [...routeGroups, ...backgroundFunctions];

const readMemory = (node: Node): OperationsSettings['memoryMb'] => {
  const of: Partial<Record<Entry, number>> = {};
  let all = 1024;
  for (const part of readList(node, 'memoryMb')) {
    const [first = '', second] = part.split('=');
    const entry = entries.find((name) => name === first);
    const megabytes = Number(second ?? first);
    const isAllowed = Number.isSafeInteger(megabytes) && megabytes >= 128 && megabytes <= 10_240;
    if (!isAllowed || (second !== undefined && entry === undefined)) {
      throw invalidSetting('memoryMb', part, `128 to 10240, or function=megabytes with one of ${entries.join(', ')}`);
    }
    if (entry === undefined) all = megabytes;
    else of[entry] = megabytes;
  }
  return { all, of };
};

/** AWS reserves the prefix `aws:`; tags with the prefix `anima:` are set by this app. */
const tagPattern = /^(?!aws:|anima:)([A-Za-z0-9 _.:/+@-]{1,128})=([A-Za-z0-9 _.:/+@-]{0,256})$/i;

const readTags = (node: Node): Record<string, string> => {
  const tags: Record<string, string> = {};
  for (const part of readList(node, 'tags')) {
    const [, key = '', value = ''] = tagPattern.exec(part) ?? [];
    if (key === '' || key in tags)
      throw invalidSetting('tags', part, 'key=value joined by commas, without repeated keys, aws: or anima:');
    tags[key] = value;
  }
  // AWS allows 50 tags per resource. Three are ours.
  if (Object.keys(tags).length > 45) throw invalidSetting('tags', `${Object.keys(tags).length} tags`, 'at most 45');
  return tags;
};

const readDomain = (node: Node, kind: 'api' | 'socket'): OperationsSettings['apiDomain'] => {
  const name = contextText(node, `${kind}Domain`, '');
  const certificateArn = contextText(node, `${kind}CertificateArn`, '');
  if (name === '' && certificateArn === '') return undefined;
  if (!domainPattern.test(name)) {
    const allowed = `a domain like vault.example.com with ${kind}CertificateArn, or neither`;
    throw invalidSetting(`${kind}Domain`, name, allowed);
  }
  if (!certificatePattern.test(certificateArn)) {
    const allowed = `the ARN of a certificate in the region of the deployment with ${kind}Domain, or neither`;
    throw invalidSetting(`${kind}CertificateArn`, certificateArn, allowed);
  }
  return { name, certificateArn };
};

const readDomains = (node: Node): Pick<OperationsSettings, 'apiDomain' | 'socketDomain'> => {
  const [apiDomain, socketDomain] = [readDomain(node, 'api'), readDomain(node, 'socket')];
  if (socketDomain !== undefined && socketDomain.name === apiDomain?.name)
    throw invalidSetting('socketDomain', socketDomain.name, 'another domain than apiDomain');
  return { apiDomain, socketDomain };
};

const readNetwork = (node: Node): OperationsSettings['network'] => {
  const isPrivate = readMatching(node, 'vpc', 'none', /^(?:none|private)$/, 'none or private') === 'private';
  const vpcId = readOptional(node, 'vpcId', /^vpc-[0-9a-f]{8,17}$/, 'the ID of a VPC');
  const subnetIds = readList(node, 'vpcSubnetIds');
  const wrong = subnetIds.find((id) => !/^subnet-[0-9a-f]{8,17}$/.test(id));
  if (wrong !== undefined) throw invalidSetting('vpcSubnetIds', wrong, 'IDs of subnets joined by commas');
  if (vpcId === undefined && subnetIds.length === 0) {
    const endpoints = contextText(node, 'endpoints', 'standard');
    // The endpoints of the new VPC have the standard names only, so functions would reach nothing.
    if (isPrivate && endpoints !== 'standard')
      throw invalidSetting('endpoints', endpoints, 'standard with vpc=private, or vpcId of a VPC with such endpoints');
    return isPrivate ? 'new' : 'none';
  }
  if (!isPrivate) throw invalidSetting('vpc', 'none', 'private, or leave vpcId and vpcSubnetIds out');
  if (vpcId === undefined) throw invalidSetting('vpcId', '', 'the ID of the VPC of vpcSubnetIds');
  if (subnetIds.length === 0)
    throw invalidSetting('vpcSubnetIds', '', 'the private subnets of vpcId, joined by commas');
  return { vpcId, subnetIds };
};
