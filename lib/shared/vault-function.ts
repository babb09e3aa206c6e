import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { type Conditions, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  CfnFunction,
  type Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { functionEnv, functionTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import { handlerEntry } from './handler-bundles.ts';
import { SessionRole } from './session-role.ts';

type FunctionSetting = (typeof functionEnv)[keyof typeof functionEnv];

interface VaultFunctionProps {
  readonly code: Code;
  readonly stage: string;
  readonly logRetention: RetentionDays;
  readonly description: string;
  /**
   * Whether the function accesses data with a session role tagged with the org (session-role.ts) or with its own role.
   */
  readonly sessionTags: boolean;
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
 */
export class VaultFunction extends Construct {
  readonly lambda: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  /** Whether the data role has the org as session tag. */
  readonly tagged: boolean;
  private readonly description: string;
  private sessionRole: SessionRole | undefined;

  constructor(scope: Construct, id: string, props: VaultFunctionProps) {
    super(scope, id);
    this.tagged = props.sessionTags;
    this.description = props.description;
    this.logGroup = new LogGroup(this, 'Log', {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: props.description,
    });
    this.logGroup.grantWrite(this.role);
    this.lambda = new LambdaFunction(this, 'Function', {
      description: props.description,
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
      ...(props.durableFor && {
        durableConfig: { executionTimeout: props.durableFor, retentionPeriod: Duration.days(30) },
      }),
    });
    if (props.durableFor !== undefined) this.allowCheckpoints();
    this.set(functionEnv.stage, props.stage);
  }

  /** Allows another function to start executions of this durable function, and sets the function name in `setting`. */
  grantStart(fn: VaultFunction, setting: FunctionSetting): void {
    // A durable function must be invoked with a version. `$LATEST` is always the newest.
    const version = `${this.lambda.functionArn}:$LATEST`;
    fn.role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [version] }));
    fn.set(setting, version);
  }

  /** Allows another function to invoke this one, and sets the function name in `setting`. */
  grantInvoke(fn: VaultFunction, setting: FunctionSetting): void {
    fn.allow(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [this.lambda.functionArn] }));
    fn.set(setting, this.lambda.functionName);
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

  /** The role whose policies define the function's access to data. */
  get dataRole(): Role {
    if (!this.tagged) return this.role;
    if (this.sessionRole === undefined) {
      this.sessionRole = new SessionRole(this, 'Session', { caller: this.role, description: this.description });
      this.allow(this.sessionRole.assumption());
      this.set(functionEnv.sessionRole, this.sessionRole.role.roleArn);
    }
    return this.sessionRole.role;
  }

  /**
   * Adds a permission on data of an org. `limit` has the conditions that limit it to the org of the session, with
   * `sessionOrgTag`. They are omitted if session tags are off.
   */
  allowForOrg(statement: PolicyStatement, limit: Conditions): void {
    if (this.tagged) statement.addConditions(limit);
    this.dataRole.addToPolicy(statement);
  }

  /** Adds a permission that does not concern an org to the function's own role. */
  allow(statement: PolicyStatement): void {
    this.role.addToPolicy(statement);
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
          resources: [`${this.lambda.functionArn}:*`],
        }),
      ],
    });
    const name = Stack.of(this).resolve(this.lambda.functionArn)['Fn::GetAtt'][0];
    Validations.of(checkpoints).acknowledge({
      id: `AwsSolutions-IAM5[Resource::<${name}.Arn>:*]`,
      reason: 'The ARN of an execution has an ID that is created at run time.',
    });
  }

  /**
   * Sets a variable of contract/shared/environment-variables.ts. Only resource names are allowed, because the
   * environment is readable in the console.
   */
  set(name: FunctionSetting, value: string): void {
    this.lambda.addEnvironment(name, value);
  }
}
