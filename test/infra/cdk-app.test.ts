import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Validations } from 'aws-cdk-lib';
import { CfnTable } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { vaultApp } from '../../bin/cdk-app.ts';
import { backgroundFunctions, routeGroups, routes } from '../../contract/routes.ts';
import { appForTest, synthesize, temporaryFolder } from './synthesized-template.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('checks on the template', () => {
  test('a table without recovery fails the synthesis when nobody said why', () => {
    const app = appForTest();
    const keySchema = [{ attributeName: 'id', keyType: 'HASH' }];
    new CfnTable(app.node.findChild('Data'), 'Careless', { keySchema, billingMode: 'PAY_PER_REQUEST' });
    expect(() => synthesize(app)).toThrow(/AwsSolutions-DDB3/);
  });

  test('a wildcard in a role fails the synthesis', () => {
    const app = appForTest();
    const role = app.node.findAll().find((construct) => construct instanceof Role);
    role?.addToPolicy(new PolicyStatement({ actions: ['dynamodb:*'], resources: ['*'] }));
    expect(role).toBeDefined();
    expect(() => synthesize(app)).toThrow(/AwsSolutions-IAM5\[Action::dynamodb:\*\]/);
  });

  test('only these findings are accepted, each on its construct and with a reason of one line', () => {
    const accepted = appForTest()
      .node.findAll()
      .flatMap((construct) =>
        acknowledgements(construct).map(([rule, why]) => ({ at: construct.node.path, rule, why })),
      );
    for (const { why } of accepted) expect(why).toMatch(/^[^\n]{30,120}$/);
    expect(accepted.filter(({ rule }) => rule.endsWith('DDB3')).map(({ at }) => at)).toEqual([
      'Data/Keyrings/Table',
      'Data/UserCustody/Keyrings/Table',
      'Data/DeviceCustody/Rosters/Table',
      'Data/SessionCustody/Mailboxes/Table',
      'Data/Broker/Table',
      'Data/Approvals/Questions/Table',
      'Data/SecretRequests/Table',
    ]);
    const dist = ['CFR1', 'CFR2', 'CFR3', 'CFR4'];
    const stored = accepted.filter(({ rule }) => /AwsSolutions-(?:S|CFR|SQS)\d+$/.test(rule));
    expect(stored.map(({ at, rule }) => `${at} ${rule.replace(/^.*-/, '')}`).sort()).toEqual([
      'Data/BlobObjects/Bucket S1',
      'Data/Locked/Bucket S1',
      'Data/UserCustody/Jobs/Queue SQS3',
      'Vault/Failures/Queue SQS3',
      'Vault/Page/Bucket S1',
      ...dist.map((rule) => `Vault/Page/Distribution ${rule}`),
    ]);
    const wildcards = accepted.filter(({ rule }) => rule.includes('IAM5'));
    expect([...new Set(wildcards.map(({ at, rule }) => `${at} ${rule.replace(/^.*IAM5/, '')}`))].sort()).toEqual([
      expect.stringMatching(
        /^Vault\/Auditor \[Resource::anima-vault-dev-data:ExportsOutputFnGetAttLockedBucket\w+\/heads\/<aws:PrincipalTag\/org>\/\*\]$/,
      ),
      expect.stringMatching(
        /^Vault\/Blobs \[Resource::anima-vault-dev-data:ExportsOutputFnGetAttBlobObjectsBucket\w+\/<aws:PrincipalTag\/org>\/\*\]$/,
      ),
      expect.stringMatching(
        /^Vault\/Links \[Resource::anima-vault-dev-data:ExportsOutputFnGetAttBlobObjectsBucket\w+\/<aws:PrincipalTag\/org>\/\*\]$/,
      ),
      expect.stringMatching(
        /^Vault\/Memory \[Resource::anima-vault-dev-data:ExportsOutputFnGetAttBlobObjectsBucket\w+\/<aws:PrincipalTag\/org>\/media\/\*\]$/,
      ),
      ...['DELETE', 'POST'].map((method) =>
        expect.stringMatching(
          new RegExp(
            `^Vault/Notifier/Role \\[Resource::arn:\\S+:execute-api:\\S+<SocketsApi\\w+>/v1/${method}/@connections/\\*\\]$`,
          ),
        ),
      ),
      expect.stringMatching(/^Vault\/Publisher \[Resource::<PageBucket\w+\.Arn>\/\*\]$/),
      expect.stringMatching(
        /^Vault\/Relay \[Resource::anima-vault-dev-data:ExportsOutputFnGetAttBlobObjectsBucket\w+\/<aws:PrincipalTag\/org>\/session\/\*\]$/,
      ),
      expect.stringMatching(
        /^Vault\/RotationWorkflow\/Checkpoints \[Resource::<RotationWorkflowFunction\w+\.Arn>:\*\]$/,
      ),
      // What starts a workflow reads the status of its executions.
      expect.stringMatching(/^Vault\/Rotator\/Role \[Resource::<RotationWorkflowFunction\w+\.Arn>:\*\]$/),
      expect.stringMatching(
        /^Vault\/Sealer \[Resource::anima-vault-dev-data:ExportsOutputFnGetAttLockedBucket\w+\/heads\/<aws:PrincipalTag\/org>\/\*\]$/,
      ),
      expect.stringMatching(/^Vault\/ShredWorkflow \[Resource::\*\]$/),
      expect.stringMatching(
        /^Vault\/ShredWorkflow \[Resource::anima-vault-dev-data:ExportsOutputFnGetAttBlobObjectsBucket\w+\/<aws:Pri\S+\/org>\/\*\]$/,
      ),
      expect.stringMatching(/^Vault\/ShredWorkflow\/Checkpoints \[Resource::<ShredWorkflowFunction\w+\.Arn>:\*\]$/),
      expect.stringMatching(/^Vault\/Shredder \[Resource::\*\]$/),
      expect.stringMatching(
        /^Vault\/Shredder \[Resource::anima-vault-dev-data:ExportsOutputFnGetAttBlobObjectsBucket\w+\/<aws:Pri\S+\/org>\/\*\]$/,
      ),
      expect.stringMatching(/^Vault\/Shredder\/Role \[Resource::<ShredWorkflowFunction\w+\.Arn>:\*\]$/),
      ...['Webhooks', 'Worker'].map((fn) =>
        expect.stringMatching(
          new RegExp(
            `^Vault/${fn} \\[Resource::anima-vault-dev-data:ExportsOutputFnGetAttBlobObjectsBucket\\w+/<aws:Pri\\S+/org>/media/\\S*\\*\\]$`,
          ),
        ),
      ),
    ]);
    const others = accepted.filter((one) => !stored.includes(one) && !/DDB3$|IAM5/.test(one.rule));
    expect(new Set(others.map(({ rule }) => rule.replace(/^.*::/, '')))).toEqual(new Set(['AwsSolutions-APIG4']));
    const open = Object.entries(routes).filter(([, { auth }]) => auth !== 'iam');
    const paths = ['Default', ...open.map(([id]) => id)].map((id) => `Vault/Api/${id}`);
    const sockets = [
      'Api/$connect-Route/Resource',
      'Api/$default-Route/Resource',
      'Api/$disconnect-Route/Resource',
      'Ping',
    ];
    paths.push(...sockets.map((id) => `Vault/Sockets/${id}`));
    expect(others.map(({ at }) => at).sort()).toEqual(paths.sort());
  });
});

const acknowledgements = ({ node }: IConstruct): [rule: string, why: string][] =>
  node.metadata
    .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
    .flatMap(({ data }) => Object.entries<string>(data));

test('handlers that are not there end the synthesis with what is missing', () => {
  expect(() => vaultApp({ handlers: temporaryFolder() })).toThrow(
    /could not be bundled\. Nothing was synthesized.*could not resolve.*\w\.ts/is,
  );
});

describe('node bin/vault.ts', () => {
  const run = (context: Record<string, string>) => {
    const path = temporaryFolder();
    const env = { ...process.env, CDK_OUTDIR: path, CDK_CONTEXT_JSON: JSON.stringify(context) };
    const child = spawnSync(process.execPath, ['bin/vault.ts'], { cwd: root, env, encoding: 'utf8' });
    return { ...child, path };
  };

  test('writes the cloud assembly of the vault where the CDK CLI wants it', () => {
    const { status, stderr, path } = run({ stage: 'prod', name: 'acme' });
    expect(status, stderr).toBe(0);
    const manifest = readFileSync(join(path, 'manifest.json'), 'utf8');
    expect(manifest).toContain('"stackName": "acme-prod"');
    expect(manifest).toContain('"stackName": "acme-prod-data"');
    expect(manifest).toContain('"aws://unknown-account/unknown-region"');
    const assets = [...readFileSync(join(path, 'Vault.template.json'), 'utf8').matchAll(/"S3Key": "(\w+)\.zip"/g)];
    // The responder is deployed only if the settings request it.
    expect(assets).toHaveLength(routeGroups.length + backgroundFunctions.length - 1);
    for (const [, hash] of assets) expect(existsSync(join(path, `asset.${hash}`, 'index.mjs'))).toBe(true);
  });

  test('ends with an error that names the setting, and writes no template', () => {
    const { status, stderr, path } = run({ stage: 'Not A Stage' });
    expect(status).not.toBe(0);
    expect(stderr).toContain('The context value stage="Not A Stage" is not allowed. Nothing was synthesized.');
    for (const stack of ['Data', 'Vault', 'Operations'])
      expect(existsSync(join(path, `${stack}.template.json`))).toBe(false);
  });
});
