import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { CfnRule, type EventPattern, Rule } from 'aws-cdk-lib/aws-events';
import { CfnResourcePolicy, LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { VaultFunction } from '../shared/vault-function.ts';
import { uniqueLogGroupName } from './log-group-names.ts';
import { metricPeriod, type VaultAlarms } from './vault-alarms.ts';

/** A pattern has at most 2,048 characters, and the name of a function 64. */
const functionsPerPattern = 19;

interface Watched {
  readonly pattern: EventPattern;
  readonly what: string;
  /** Anchor in the guide. Default: the ID of the rule. */
  readonly anchor?: string;
}

interface UnexpectedCallRulesProps {
  readonly name: string;
  readonly logRetention: RetentionDays;
  readonly functions: readonly VaultFunction[];
  /** ARNs of the KMS keys. */
  readonly keyArns: readonly string[];
  /** ARN of the roles of functions, with `*` for the part that differs. A list of all would be too long. */
  readonly roleArnWildcard: string;
}

/** Calls with which someone could get access to a key, or make it unusable. No role of the vault makes them. */
const keyAdministrationCalls = ['CreateGrant', 'DisableKey', 'PutKeyPolicy', 'ScheduleKeyDeletion'];

/**
 * All uses of the keys but Verify, which anyone can do with the public key. Also those that no function makes: what they
 * encrypt, functions would take for their own. Calls that only read are delivered in a special state of the rule only.
 */
const keyUses = [
  'Decrypt',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateDataKeyWithoutPlaintext',
  'GenerateMac',
  'ReEncrypt',
  'Sign',
  'VerifyMac',
];

/** A field that has another value, or is missing. */
const anythingBut = (value: object | string) => [{ 'anything-but': value }, { exists: false }];

/** CloudTrail adds the version of the API to the names of these calls. */
const codeChanges = ['UpdateFunctionCode', 'UpdateFunctionConfiguration'];
/** Calls that give a role to a function. */
const roleUses = ['CreateFunction', 'UpdateFunctionConfiguration'];
const byOthersThanCloudFormation = { invokedBy: anythingBut('cloudformation.amazonaws.com') };

/**
 * Finds calls to the keys and functions that the vault does not make, with CloudTrail and EventBridge. It needs a trail
 * that records management events of reads and writes, including those of KMS (docs/guide-operator.md).
 *
 * EventBridge writes the whole CloudTrail event to a log. CloudTrail removes plaintext and keys from events.
 */
export class UnexpectedCallRules extends Construct {
  private readonly log: LogGroup;

  constructor(scope: Construct, id: string, props: UnexpectedCallRulesProps, alarms: VaultAlarms) {
    super(scope, id);
    const { name, logRetention, functions, keyArns, roleArnWildcard } = props;
    this.log = this.makeLog(name, logRetention);
    const resources = { ARN: [...keyArns] };
    this.watch(alarms, 'key-administration', {
      pattern: patternOf('kms', { eventName: keyAdministrationCalls, resources }),
      what: 'A KMS key of the vault was disabled or scheduled for deletion, or its policy or grants were changed.',
    });
    const sessionIssuer = { arn: anythingBut({ wildcard: roleArnWildcard }) };
    this.watch(alarms, 'key-use', {
      pattern: patternOf('kms', { eventName: keyUses, resources, userIdentity: { sessionContext: { sessionIssuer } } }),
      what: 'A principal that is no function of the vault used a KMS key of the vault.',
    });
    for (let at = 0; at < functions.length; at += functionsPerPattern) {
      const names = functions.slice(at, at + functionsPerPattern).map(({ functionName }) => functionName);
      this.watch(alarms, `code-change-${1 + at / functionsPerPattern}`, {
        pattern: patternOf('lambda', {
          eventName: codeChanges.map((prefix) => ({ prefix })),
          responseElements: { functionName: names },
          userIdentity: byOthersThanCloudFormation,
        }),
        what: 'The code or the configuration of a function was changed, but not by CloudFormation.',
        anchor: 'code-change',
      });
    }
    // The calls that such a function makes to keys are made with a role of the vault, so `key-use` does not find them.
    this.watch(alarms, 'role-use', {
      pattern: patternOf('lambda', {
        eventName: roleUses.map((prefix) => ({ prefix })),
        requestParameters: { role: [{ wildcard: roleArnWildcard }] },
        userIdentity: byOthersThanCloudFormation,
      }),
      what: 'A function got a role of the vault, but not by CloudFormation.',
    });
  }

  private watch(alarms: VaultAlarms, id: string, { pattern, what, anchor = id }: Watched): void {
    const rule = new Rule(this, id, {
      description: what,
      eventPattern: pattern,
      targets: [{ bind: () => this.target() }],
    });
    const { defaultChild } = rule.node;
    if (!(defaultChild instanceof CfnRule)) throw new Error('The rule has no CfnRule. Nothing was synthesized.');
    defaultChild.state = 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS';
    alarms.add(id, {
      metric: new Metric({
        namespace: 'AWS/Events',
        metricName: 'TriggeredRules',
        dimensionsMap: { RuleName: rule.ruleName },
        statistic: Stats.SUM,
        period: metricPeriod,
      }),
      what,
      anchor,
    });
  }

  private makeLog(name: string, retention: RetentionDays): LogGroup {
    const log = new LogGroup(this, 'Log', {
      // The prefix that the console of EventBridge uses.
      logGroupName: uniqueLogGroupName(`/aws/events/${name}`),
      retention,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    new CfnResourcePolicy(this, 'LogPolicy', {
      policyName: `${name}-unexpected-calls`,
      policyDocument: Stack.of(this).toJsonString({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: ['delivery.logs.amazonaws.com', 'events.amazonaws.com'] },
            Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
            Resource: log.logGroupArn,
          },
        ],
      }),
    });
    return log;
  }

  /** EventBridge expects the ARN of a log group without `:*`. */
  private target() {
    const arn = Stack.of(this).formatArn({
      service: 'logs',
      resource: 'log-group',
      resourceName: this.log.logGroupName,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return { arn };
  }
}

const patternOf = (service: 'kms' | 'lambda', detail: Record<string, unknown>): EventPattern => ({
  source: [`aws.${service}`],
  detailType: ['AWS API Call via CloudTrail'],
  detail: { eventSource: [`${service}.amazonaws.com`], ...detail },
});
