import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { type Conditions, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  type Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
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
  /** For a durable function: the timeout of one execution, including its waits. */
  readonly durableFor?: Duration | undefined;
}

/**
 * The function of one entry. Initially it has permission only to write its log. Constructs add permissions with
 * `grantX(fn)`: on data of an org to the session role, all others to the function's own role. X-Ray is off, because its
 * traces would contain payloads.
 */
export class VaultFunction extends Construct {
  readonly lambda: LambdaFunction;
  readonly role: Role;
  /** Whether the data role has the org as session tag. */
  readonly tagged: boolean;
  private readonly description: string;
  private sessionRole: SessionRole | undefined;

  constructor(scope: Construct, id: string, props: VaultFunctionProps) {
    super(scope, id);
    this.tagged = props.sessionTags;
    this.description = props.description;
    const logGroup = new LogGroup(this, 'Log', {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: props.description,
    });
    logGroup.grantWrite(this.role);
    this.lambda = new LambdaFunction(this, 'Function', {
      description: props.description,
      code: props.code,
      handler: handlerEntry,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      // Lambda allocates CPU in proportion to memory, and cold starts are limited by CPU.
      memorySize: 1024,
      timeout: props.timeout ?? Duration.seconds(functionTimeoutSeconds),
      role: this.role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      // Lambda's own lines of each invocation are longer than the line of the request, and their content is in metrics.
      // WARN keeps failures such as timeouts.
      systemLogLevelV2: SystemLogLevel.WARN,
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
