/** Combinations of deployment settings whose templates are linted: none, each alone, and all that go together. */
import type { DeploymentSettings } from '../../lib/shared/deployment-settings.ts';

type Context = Readonly<Record<string, string>>;

/**
 * One context per setting, with a value that changes the template. The type requires a row for every setting, so a new
 * setting is a type error here.
 */
const settings: Readonly<Record<keyof DeploymentSettings, Context>> = {
  stage: { stage: 'prod' },
  name: { name: 'acme-vault' },
  corsOrigins: { corsOrigins: 'https://app.example.com,http://localhost:3000' },
  logRetention: { logRetentionDays: '365' },
  previousKeks: { previousKeks: 'arn:aws:kms:eu-central-1:111122223333:key/12345678-1234-1234-1234-123456789012' },
  rotationDays: { rotationDays: '90' },
  rotationMessages: { rotationMessages: '1000000' },
  auditRetentionDays: { auditRetentionDays: '0' },
  sessionTags: { sessionTags: 'off' },
  blobMaxBytes: { blobMaxBytes: '1073741824' },
  pageDomain: {
    pageDomain: 'open.example.com',
    pageCertificateArn: 'arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012',
  },
  responder: { responder: 'sample' },
  stableNames: { stableNames: 'on' },
  canary: { canary: 'on' },
  publicUrl: { publicUrl: 'https://vault.example.com' },
  endpoints: { endpoints: 'fips,dual-stack' },
  alarmTopicArn: { alarmTopicArn: 'arn:aws:sns:eu-central-1:111122223333:alarms' },
  monthlyBudget: { monthlyBudgetUsd: '100', budgetEmail: 'ops@example.com' },
  brokerConcurrency: { brokerConcurrency: '5' },
  workerConcurrency: { workerConcurrency: '5' },
  memoryMb: { memoryMb: '1536,worker=2048' },
  requestsPerSecond: { requestsPerSecond: '1000' },
  tags: { tags: 'team=platform,cost-center=4711' },
  socketDomain: {
    socketDomain: 'sockets.example.com',
    socketCertificateArn: 'arn:aws:acm:eu-central-1:123456789012:certificate/56cd-78',
  },
  apiDomain: {
    apiDomain: 'vault.example.com',
    apiCertificateArn: 'arn:aws:acm:eu-central-1:111122223333:certificate/12345678-1234-1234-1234-123456789012',
  },
  pageWebAclArn: {
    pageWebAclArn: 'arn:aws:wafv2:us-east-1:111122223333:global/webacl/page/12345678-1234-1234-1234-123456789012',
  },
  network: { vpc: 'private' },
};

/** Contexts by name. Values that exclude each other have a row of their own. */
export const settingCombinations: Readonly<Record<string, Context>> = {
  defaults: {},
  ...settings,
  'a responder of another stack': {
    responder: 'arn:aws:lambda:eu-central-1:111122223333:function:responder',
  },
  'subnets of an existing VPC, with other endpoints': {
    vpc: 'private',
    vpcId: 'vpc-0123456789abcdef0',
    vpcSubnetIds: 'subnet-0123456789abcdef0,subnet-0123456789abcdef1',
    endpoints: 'fips,dual-stack',
  },
  // A new VPC has endpoints with the standard names only.
  all: { ...Object.assign({}, ...Object.values(settings)), endpoints: 'standard' },
};
