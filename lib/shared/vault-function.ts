import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { type Conditions, Policy, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Alias,
  ApplicationLogLevel,
  Architecture,
  CfnFunction,
  type Code,
  type IFunction,
  type IVersion,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { functionAlias, functionEnv, functionTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import type { DeploymentSettings } from './deployment-settings.ts';
import { handlerEntry } from './handler-bundles.ts';
import { nagResourceName } from './nag-resource-name.ts';
import { roleArn, roleName } from './physical-names.ts';
import { SessionRole } from './session-role.ts';

type FunctionSetting = (typeof functionEnv)[keyof typeof functionEnv];

interface VaultFunctionProps {
  /** Name of the entry; part of the role names. */
  readonly entry: string;
  readonly code: Code;
  /**
   * With `sessionTags`, the function accesses data with a session role tagged with the org (session-role.ts), otherwise
   * with its own role.
   */
  readonly settings: Pick<DeploymentSettings, 'name' | 'stage' | 'logRetention' | 'sessionTags' | 'endpoints'>;
  /** Timeout of one invocation. Default: the timeout of a request. */
  readonly timeout?: Duration | undefined;
  /** Memory; Lambda allocates CPU in proportion to it, and cold starts are limited by CPU. */
  readonly memoryMb: number;
  /** Concurrency that is reserved for this function, and its maximum. Default: it shares that of the account. */
  readonly reservedConcurrency?: number | undefined;
  /** For a durable function: the timeout of one execution, including its waits. */
  readonly durableFor?: Duration | undefined;
}

/** The subnets of a function, and the security group of its network interfaces. */
export interface FunctionNetwork {
  readonly subnetIds: readonly string[];
  readonly securityGroupId: string;
}

/**
 * What Lambda needs to connect a function to subnets (Lambda developer guide, "Giving Lambda functions access to
 * resources in an Amazon VPC"). The key `lambda:SourceFunctionArn` is set for calls of the function's code only.
 */
const networkInterfaceActions = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/**
 * The function of one entry. Initially it has permission only to write its log. Constructs add permissions with
 * `grantX(fn)`: on data of an org to the session role, all others to the function's own role. X-Ray is off, because its
 * traces would contain payloads.
 *
 * Every deployment publishes a version if code or configuration has changed. All callers invoke the alias, which a
 * deployment moves to the new version. A durable execution stays on the version that started it, so versions of durable
 * functions are kept.
 */
export class VaultFunction extends Construct {
  /** What all callers invoke. */
  readonly alias: Alias;
  readonly role: Role;
  readonly logGroup: LogGroup;
  /** ARN of the role as text, for policies in the data stack. */
  readonly roleArn: string;
  /** Whether the data role has the org as session tag. */
  readonly tagged: boolean;
  /**
   * What the role allows, as a part of the role: a policy that is a resource of its own would count towards the 500
   * resources that a stack can have.
   */
  private readonly permissions = new PolicyDocument();
  private readonly lambda: LambdaFunction;
  private readonly description: string;
  private readonly sessionRoleName: string;
  private sessionRole: SessionRole | undefined;

  constructor(scope: Construct, id: string, props: VaultFunctionProps) {
    super(scope, id);
    const { entry, settings } = props;
    this.tagged = settings.sessionTags;
    this.description = `Anima Vault: ${entry}`;
    this.sessionRoleName = roleName(settings, `${entry}-session`);
    this.roleArn = roleArn(roleName(settings, entry));
    this.logGroup = new LogGroup(this, 'Log', {
      retention: settings.logRetention,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.role = new Role(this, 'Role', {
      roleName: roleName(settings, entry),
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: this.description,
      inlinePolicies: { Permissions: this.permissions },
    });
    this.allow(
      new PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [this.logGroup.logGroupArn],
      }),
    );
    this.lambda = new LambdaFunction(this, 'Function', {
      description: this.description,
      code: props.code,
      handler: handlerEntry,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMb,
      ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
      timeout: props.timeout ?? Duration.seconds(functionTimeoutSeconds),
      role: this.role,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      // Lambda's own lines of each invocation are longer than the line of the request, and their content is in metrics.
      // WARN keeps failures such as timeouts.
      systemLogLevelV2: SystemLogLevel.WARN,
      ...(props.durableFor && {
        durableConfig: { executionTimeout: props.durableFor, retentionPeriod: Duration.days(30) },
        // Without this, a deployment would delete the version on which executions are pending.
        currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
      }),
    });
    if (props.durableFor !== undefined) this.allowCheckpoints();
    // The CDK types of classes and interfaces differ in an optional `undefined`, which exactOptionalPropertyTypes rejects.
    const version = this.lambda.currentVersion as IVersion;
    this.alias = new Alias(this, 'Live', { aliasName: functionAlias, version });
    this.set(functionEnv.stage, settings.stage);
    this.set(functionEnv.dnsSuffix, Stack.of(this).urlSuffix);
    const { fips, dualStack } = settings.endpoints;
    if (fips) this.set(functionEnv.fipsEndpoints, 'true');
    if (dualStack) this.set(functionEnv.dualStackEndpoints, 'true');
  }

  /** The statements of all roles of this function, except those on its executions. */
  get policies(): readonly PolicyDocument[] {
    return [this.permissions, ...(this.sessionRole === undefined ? [] : [this.sessionRole.permissions])];
  }

  /** The alias, as the target of integrations and event sources. */
  get target(): IFunction {
    return this.alias as IFunction;
  }

  /** Allows another function to start executions of this durable function and to read their status. */
  grantStart(fn: VaultFunction, setting: FunctionSetting): void {
    this.grantInvoke(fn, setting);
    // The status of an execution shows whether it must be replaced by another one.
    fn.allow(new PolicyStatement({ actions: ['lambda:GetDurableExecution'], resources: [this.executionArns()] }));
    this.acknowledgeExecutionArns(fn.role);
  }

  /** Allows another function to invoke this one, and sets the ARN of the alias in `setting`. */
  grantInvoke(fn: VaultFunction, setting: FunctionSetting): void {
    fn.allow(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [this.alias.functionArn] }));
    fn.set(setting, this.alias.functionArn);
  }

  /** Name of the function, for metrics. */
  get functionName(): string {
    return this.lambda.functionName;
  }

  /** Sends the events of asynchronous invocations that failed finally to a queue. Without it, Lambda drops them. */
  sendFailuresTo(queue: IQueue): void {
    this.allow(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queue.queueArn] }));
    this.resource.deadLetterConfig = { targetArn: queue.queueArn };
  }

  /** Connects the function to subnets. Only Lambda can use the permission to do so, not the function's code. */
  placeIn({ subnetIds, securityGroupId }: FunctionNetwork): void {
    this.allow(
      new PolicyStatement({
        actions: networkInterfaceActions,
        resources: ['*'],
        conditions: { Null: { 'lambda:SourceFunctionArn': 'true' } },
      }),
    );
    Validations.of(this).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'The network interfaces of a function do not exist yet, and describing them supports no resources.',
    });
    this.resource.vpcConfig = { subnetIds: [...subnetIds], securityGroupIds: [securityGroupId] };
  }

  /** ARN of the role whose policies define the function's access to data, as text. */
  get dataRoleArn(): string {
    return this.tagged ? roleArn(this.sessionRoleName) : this.roleArn;
  }

  /** The session role, created at its first use. Absent without session tags. */
  private ofSession(): SessionRole | undefined {
    if (!this.tagged) return undefined;
    if (this.sessionRole === undefined) {
      this.sessionRole = new SessionRole(this, 'Session', {
        roleName: this.sessionRoleName,
        callerArn: this.roleArn,
        description: this.description,
      });
      this.allow(this.sessionRole.assumption());
      this.set(functionEnv.sessionRole, this.sessionRole.role.roleArn);
    }
    return this.sessionRole;
  }

  /**
   * Adds a permission on data of an org. `limit` has the conditions that limit it to the org of the session, with
   * `sessionOrgTag`. They are omitted if session tags are off.
   */
  allowForOrg(statement: PolicyStatement, limit: Conditions): void {
    if (this.tagged) statement.addConditions(limit);
    (this.ofSession()?.permissions ?? this.permissions).addStatements(statement);
  }

  /** Adds a permission that does not concern an org to the function's own role. */
  allow(statement: PolicyStatement): void {
    this.permissions.addStatements(statement);
  }

  private get resource(): CfnFunction {
    const { defaultChild } = this.lambda.node;
    if (!(defaultChild instanceof CfnFunction)) throw new Error('A function has no resource. Nothing was synthesized.');
    return defaultChild;
  }

  /**
   * Allows the function to write and read checkpoints of its executions. This is a separate policy: the function
   * depends on the role's default policy, so the function's ARN in that policy would be a circular dependency.
   */
  private allowCheckpoints(): void {
    const checkpoints = new Policy(this, 'Checkpoints', {
      roles: [this.role],
      statements: [
        new PolicyStatement({
          actions: ['lambda:CheckpointDurableExecution', 'lambda:GetDurableExecutionState'],
          resources: [this.executionArns()],
        }),
      ],
    });
    this.acknowledgeExecutionArns(checkpoints);
  }

  /** The ARNs of the executions of all versions. */
  private executionArns(): string {
    return `${this.lambda.functionArn}:*`;
  }

  private acknowledgeExecutionArns(holder: Construct): void {
    Validations.of(holder).acknowledge({
      id: `AwsSolutions-IAM5[Resource::${nagResourceName(this.lambda, this.lambda.functionArn, this)}:*]`,
      reason: 'The ARN of an execution has the number of a version and an ID that is created at run time.',
    });
  }

  /**
   * Sets a variable of contract/shared/environment-variables.ts. Only resource names, and a hash of a random
   * secret, are allowed, because the environment is readable in the console.
   */
  set(name: FunctionSetting, value: string): void {
    this.lambda.addEnvironment(name, value);
  }
}
