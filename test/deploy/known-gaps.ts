/**
 * What ministack 1.5.33 does not do although AWS does. Every check asserts the gap itself: a newer version that closes
 * one makes the check fail, and the list is then shortened.
 */

import { CreateBackupCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DecryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import type { Anima } from '../../sdk/src/index.ts';
import { unknownTypes } from './adapted-assembly.ts';
import type { DeployedVault } from './deployed-vault.ts';
import { account, credentials, type Ministack, region } from './ministack.ts';
import { callCloudFormation, listStackResources, type StackResource } from './stack-resources.ts';
import { codeOf } from './vault-use.ts';

interface Deployment {
  readonly ministack: Ministack;
  readonly vault: DeployedVault;
  readonly admin: Anima;
  readonly agent: Anima;
  readonly resources: readonly StackResource[];
}

export interface KnownGap {
  readonly gap: string;
  /** What this run therefore does not prove. */
  readonly hides: string;
  check(deployment: Deployment): Promise<void>;
}

const physicalId = ({ resources }: Deployment, type: string, logicalId: RegExp): string =>
  resources.find((resource) => resource.type === type && logicalId.test(resource.logicalId))?.physicalId ??
  expect.fail(`no ${type} ${logicalId}`);

const clientOptions = ({ ministack }: Deployment) => ({ endpoint: ministack.endpoint, region, credentials });

export const knownGaps: readonly KnownGap[] = [
  {
    gap: 'CloudFormation ignores DurableConfig of functions',
    hides: 'rotations and waiting periods of shreddings, which run as durable executions',
    async check(deployment) {
      const FunctionName = physicalId(deployment, 'AWS::Lambda::Function', /^RotationWorkflowFunction/);
      const lambda = new LambdaClient(clientOptions(deployment));
      const found = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
      expect(found.FunctionName).toBe(FunctionName);
      expect(found.DurableConfig).toBeUndefined();
    },
  },
  {
    gap: 'CloudFormation creates no alarm over metric math',
    hides: 'that such alarms can be created. Each watches its first metric instead',
    async check({ ministack: { endpoint } }) {
      const MetricStat = { Metric: { Namespace: 'AWS/Lambda', MetricName: 'Errors' }, Period: 300, Stat: 'Sum' };
      const Properties = {
        ComparisonOperator: 'GreaterThanThreshold',
        EvaluationPeriods: 1,
        Threshold: 0,
        Metrics: [
          { Id: 'm0', MetricStat, ReturnData: false },
          { Id: 'sum', Expression: 'FILL(m0, 0)' },
        ],
      };
      const TemplateBody = JSON.stringify({ Resources: { Alarm: { Type: 'AWS::CloudWatch::Alarm', Properties } } });
      await callCloudFormation(endpoint, { Action: 'CreateStack', StackName: 'metric-math', TemplateBody });
      const failed = async () => (await listStackResources(endpoint, 'metric-math')).map(({ status }) => status);
      await expect.poll(failed).not.toContain('CREATE_IN_PROGRESS');
      expect(await failed()).not.toContain('CREATE_COMPLETE');
    },
  },
  {
    gap: 'CloudFormation does not know the responses of WebSocket routes and integrations',
    hides: 'that they can be created. They are left out, so sockets get no answers',
    async check({ ministack: { endpoint } }) {
      for (const Type of unknownTypes) {
        const TemplateBody = JSON.stringify({ Resources: { Answer: { Type, Properties: {} } } });
        const creation = { Action: 'CreateStack', StackName: 'unknown-type', TemplateBody };
        await expect(callCloudFormation(endpoint, creation)).rejects.toThrow('Unrecognized resource types');
      }
    },
  },
  {
    gap: 'S3 stores no checksum of a form upload',
    hides: 'uploads of files, which are refused because their checksum cannot be confirmed',
    async check({ agent }) {
      expect(await codeOf(agent.blobs.put(new Blob(['content']), { expiresIn: '1h' }))).toBe('upload_mismatch');
    },
  },
  {
    gap: 'resource policies of tables are not applied',
    hides: 'that nobody can back up a keyring table',
    async check(deployment) {
      const TableName = physicalId(deployment, 'AWS::DynamoDB::Table', /^KeyringsTable/);
      const dynamo = new DynamoDBClient(clientOptions(deployment));
      const made = await dynamo.send(new CreateBackupCommand({ TableName, BackupName: 'must-be-denied' }));
      expect(made.BackupDetails?.BackupName).toBe('must-be-denied');
    },
  },
  {
    gap: 'key policies are not applied',
    hides: 'that the key-encryption key is used only with the context of an organization',
    async check(deployment) {
      const KeyId = physicalId(deployment, 'AWS::KMS::Key', /^Kek/);
      const kms = new KMSClient(clientOptions(deployment));
      const made = await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }));
      const opened = await kms.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob }));
      expect(opened.Plaintext).toEqual(made.Plaintext);
    },
  },
  {
    gap: 'CloudFormation does not read the bucket of a template from the host of its URL',
    hides: 'nothing of the vault. The bootstrap template is adapted, so that `cdk import` works',
    async check({ ministack: { endpoint } }) {
      const objects = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
      const Bucket = `cdk-hnb659fds-assets-${account}-${region}`;
      await objects.send(new PutObjectCommand({ Bucket, Key: 'folder/template.json', Body: '{"Resources":{}}' }));
      const read = (TemplateURL: string) => callCloudFormation(endpoint, { Action: 'GetTemplateSummary', TemplateURL });
      await read(`https://s3.${region}.amazonaws.com/${Bucket}/folder/template.json`);
      await expect(read(`https://${Bucket}.s3.${region}.amazonaws.com/folder/template.json`)).rejects.toThrow(
        'not found',
      );
    },
  },
  {
    gap: 'signatures of requests to the API are not verified',
    hides: 'that only operators can create organizations. A request without a signature is refused',
    async check({ vault }) {
      const create = (headers: Record<string, string>) =>
        fetch(`${vault.url}/v1/orgs`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: '{}',
        });
      expect((await create({})).status).toBe(403);
      const scope = `${credentials.accessKeyId}/20260101/${region}/execute-api/aws4_request`;
      const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=00`;
      expect((await create({ authorization })).status).toBe(201);
    },
  },
];
