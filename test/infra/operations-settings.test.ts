import { App } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import { readSettings } from '../../lib/shared/deployment-settings.ts';

const read = (context: Record<string, unknown>) => readSettings(new App({ context }).node);
const topic = 'arn:aws:sns:eu-central-1:123456789012:alarms';
const certificate = 'arn:aws:acm:eu-central-1:123456789012:certificate/12ab-34';
const webAcl = 'arn:aws:wafv2:us-east-1:123456789012:global/webacl/page/1234abcd-12ab-12ab-12ab-123456789012';

describe('settings of limits, alarms and networks', () => {
  test('are optional', () => {
    expect(read({})).toMatchObject({
      alarmTopicArn: undefined,
      monthlyBudget: undefined,
      workerConcurrency: undefined,
      memoryMb: { all: 1024, of: {} },
      requestsPerSecond: 500,
      tags: {},
      apiDomain: undefined,
      socketDomain: undefined,
      pageWebAclArn: undefined,
      network: 'none',
    });
  });

  test('have the values of the context', () => {
    const given = { alarmTopicArn: topic, workerConcurrency: 20, requestsPerSecond: '50', pageWebAclArn: webAcl };
    expect(read(given)).toMatchObject({ ...given, requestsPerSecond: 50 });
    expect(read({ memoryMb: '512, worker=2048,reader=1769' }).memoryMb).toEqual({
      all: 512,
      of: { worker: 2048, reader: 1769 },
    });
    expect(read({ tags: 'team=payments, cost-center=4 2' }).tags).toEqual({ team: 'payments', 'cost-center': '4 2' });
    expect(read({ apiDomain: 'vault.example.com', apiCertificateArn: certificate }).apiDomain).toEqual({
      name: 'vault.example.com',
      certificateArn: certificate,
    });
    expect(read({ vpc: 'private' }).network).toBe('new');
    expect(
      read({ vpc: 'private', vpcId: 'vpc-12345678', vpcSubnetIds: 'subnet-12345678,subnet-0123456789abcdef0' }).network,
    ).toEqual({ vpcId: 'vpc-12345678', subnetIds: ['subnet-12345678', 'subnet-0123456789abcdef0'] });
  });

  test('of the budget: an amount with the one that is notified', () => {
    const budgetEmail = 'ops@example.com';
    expect(read({ monthlyBudgetUsd: 50, budgetEmail }).monthlyBudget).toEqual({ usd: 50, email: budgetEmail });
    expect(read({ monthlyBudgetUsd: 50, alarmTopicArn: topic }).monthlyBudget).toEqual({ usd: 50, email: undefined });
    expect(() => read({ monthlyBudgetUsd: 50 })).toThrow(/budgetEmail or alarmTopicArn/);
    expect(() => read({ budgetEmail })).toThrow(/monthlyBudgetUsd too/);
  });

  test.each([
    ['alarmTopicArn', 'alarms'],
    ['alarmTopicArn', `${topic}.fifo`],
    ['monthlyBudgetUsd', '12.50'],
    ['workerConcurrency', 1],
    ['workerConcurrency', 1001],
    ['memoryMb', '64'],
    ['memoryMb', '1024,writers=512'],
    ['memoryMb', 'worker=20000'],
    ['requestsPerSecond', 0],
    ['tags', 'team'],
    ['tags', 'aws:team=a'],
    ['tags', 'anima:stage=a'],
    ['tags', 'a=1,a=2'],
    ['pageWebAclArn', webAcl.replace('us-east-1', 'eu-central-1')],
    ['vpc', 'public'],
    ['vpcId', 'my-vpc'],
    ['vpcSubnetIds', 'subnet'],
  ])('%s=%j is refused by the name of the key', (key, value) => {
    expect(() => read({ vpc: 'private', [key]: value })).toThrow(
      new RegExp(`context value ${key}=.*not allowed\\. Nothing was synthesized`),
    );
  });

  test('of a new private VPC go with standard endpoints only, as its endpoints have no other names', () => {
    expect(() => read({ vpc: 'private', endpoints: 'fips' })).toThrow(/endpoints="fips" is not allowed/);
    const existing = { vpc: 'private', vpcId: 'vpc-12345678', vpcSubnetIds: 'subnet-12345678' };
    expect(read({ ...existing, endpoints: 'fips' }).network).toEqual({
      vpcId: 'vpc-12345678',
      subnetIds: ['subnet-12345678'],
    });
  });

  test('that belong together are refused alone, with the name of the missing one', () => {
    expect(() => read({ apiDomain: 'vault.example.com' })).toThrow(/apiCertificateArn="" is not allowed/);
    expect(() => read({ apiCertificateArn: certificate })).toThrow(/apiDomain="" is not allowed/);
    expect(() => read({ socketDomain: 'sockets.example.com' })).toThrow(/socketCertificateArn="" is not allowed/);
    const domains = { apiDomain: 'a.example.com', apiCertificateArn: certificate, socketCertificateArn: certificate };
    expect(() => read({ ...domains, socketDomain: 'a.example.com' })).toThrow(/socketDomain="a.example.com"/);
    expect(read({ ...domains, socketDomain: 'b.example.com' }).socketDomain?.name).toBe('b.example.com');
    expect(() => read({ vpcId: 'vpc-12345678', vpcSubnetIds: 'subnet-12345678' })).toThrow(/vpc="none" is not allowed/);
    expect(() => read({ vpc: 'private', vpcId: 'vpc-12345678' })).toThrow(/vpcSubnetIds="" is not allowed/);
    expect(() => read({ vpc: 'private', vpcSubnetIds: 'subnet-12345678' })).toThrow(/vpcId="" is not allowed/);
  });
});
