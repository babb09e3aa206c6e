import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { type Conditions, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, type Code, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
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
  /** Whether it reaches data by a session role with the org as tag (lib/shared/session-role.ts), or by its own role. */
  readonly sessionTags: boolean;
  /** Longest time of one invocation; that of a request unless told. */
  readonly timeout?: Duration | undefined;
  /** For a durable function: the longest time that one execution of it may take, its waits included. */
  readonly durableFor?: Duration | undefined;
}

/**
 * The function of one group of routes. Born able to write its own log and nothing else; constructs add to it by
 * `grantX(fn)`: what belongs to an org to its session role, what belongs to none to its own. X-Ray stays off: its traces
 * would hold payloads.
 */
export class VaultFunction extends Construct {
  readonly lambda: LambdaFunction;
  readonly role: Role;
  /** Whether the role that reaches data has the org as session tag. */
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
      // CPU comes in proportion to memory, and a cold start is nothing but CPU.
      memorySize: 1024,
      timeout: props.timeout ?? Duration.seconds(functionTimeoutSeconds),
      role: this.role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      ...(props.durableFor && {
        durableConfig: { executionTimeout: props.durableFor, retentionPeriod: Duration.days(30) },
      }),
    });
    if (props.durableFor !== undefined) this.allowCheckpoints();
    this.set(functionEnv.stage, props.stage);
  }

  /** Lets another function start executions of this durable one, and tells it the name by a setting. */
  grantStart(fn: VaultFunction, setting: FunctionSetting): void {
    // A durable function can only be invoked by a version; this is the newest, always.
    const version = `${this.lambda.functionArn}:$LATEST`;
    fn.role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [version] }));
    fn.set(setting, version);
  }

  /** Lets another function invoke this one, and tells it the name by a setting. */
  grantInvoke(fn: VaultFunction, setting: FunctionSetting): void {
    fn.allow(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [this.lambda.functionArn] }));
    fn.set(setting, this.lambda.functionName);
  }

  /** The role whose policies say what data this function reaches. */
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
   * Adds a permission on data of orgs: `limit` are the conditions that bind it to the org of the session, by `orgTag`.
   * They are left away where session tags are switched off.
   */
  allowForOrg(statement: PolicyStatement, limit: Conditions): void {
    if (this.tagged) statement.addConditions(limit);
    this.dataRole.addToPolicy(statement);
  }

  /** Adds a permission that concerns no org to the function's own role. */
  allow(statement: PolicyStatement): void {
    this.role.addToPolicy(statement);
  }

  /**
   * Lets the function note how far its executions are, and take them up again. A policy of its own: in the role's, which the
   * function waits for, the function's ARN would close a circle.
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
      reason:
        'Executions are named by the function, its version and an id of their own that only exists once they run.',
    });
  }

  /** Sets a name of contract/shared/environment-variables.ts. Names of resources only: environments are readable in the console. */
  set(name: FunctionSetting, value: string): void {
    this.lambda.addEnvironment(name, value);
  }
}
