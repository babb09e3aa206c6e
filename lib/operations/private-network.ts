import { Aws, Fn, RemovalPolicy } from 'aws-cdk-lib';
import {
  CfnSecurityGroup,
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { DeploymentSettings } from '../shared/deployment-settings.ts';
import type { FunctionNetwork } from '../shared/vault-function.ts';
import { uniqueLogGroupName } from './log-group-names.ts';

interface PrivateNetworkProps {
  readonly name: string;
  readonly logRetention: RetentionDays;
  readonly network: Exclude<DeploymentSettings['network'], 'none'>;
}

/** The services that functions call, except those with gateway endpoints. Lambda itself sends the logs of functions. */
const interfaceServices = {
  Kms: InterfaceVpcEndpointAwsService.KMS,
  Sts: InterfaceVpcEndpointAwsService.STS,
  Lambda: InterfaceVpcEndpointAwsService.LAMBDA,
  Sqs: InterfaceVpcEndpointAwsService.SQS,
  Backup: InterfaceVpcEndpointAwsService.BACKUP,
};

/**
 * Subnets without a route to the internet. Functions reach AWS services through VPC endpoints only, whose policies
 * admit only principals of this account: code that was replaced could not send data to a bucket of another account with
 * credentials of that account.
 *
 * API Gateway invokes functions through Lambda, so the API itself stays public.
 */
export class PrivateNetwork extends Construct implements FunctionNetwork {
  readonly subnetIds: readonly string[];
  readonly securityGroupId: string;

  constructor(scope: Construct, id: string, { name, logRetention, network }: PrivateNetworkProps) {
    super(scope, id);
    if (network !== 'new') {
      this.subnetIds = network.subnetIds;
      this.securityGroupId = this.securityGroupIn(network.vpcId);
      return;
    }
    const vpc = this.createVpc(name, logRetention);
    this.subnetIds = vpc.isolatedSubnets.map(({ subnetId }) => subnetId);
    this.securityGroupId = this.securityGroupIn(vpc.vpcId);
    this.addEndpoints(vpc);
  }

  private createVpc(name: string, retention: RetentionDays): Vpc {
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr('10.0.0.0/22'),
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'functions', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
      // CDK would remove its rules with a custom resource. No network interface uses the default security group.
      restrictDefaultSecurityGroup: false,
    });
    const logGroup = new LogGroup(this, 'FlowLog', {
      logGroupName: uniqueLogGroupName(`/aws/vendedlogs/${name}-vpc`),
      retention,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    vpc.addFlowLog('Flows', {
      destination: FlowLogDestination.toCloudWatchLogs(logGroup),
      trafficType: FlowLogTrafficType.REJECT,
    });
    return vpc;
  }

  /** Allows HTTPS to the outside of the group, which without a route is the endpoints, and nothing to its members. */
  private securityGroupIn(vpcId: string): string {
    const group = new CfnSecurityGroup(this, 'Functions', {
      vpcId,
      groupDescription: 'Functions of the vault: outgoing HTTPS only',
      securityGroupEgress: [
        { ipProtocol: 'tcp', fromPort: 443, toPort: 443, cidrIp: '0.0.0.0/0', description: 'HTTPS to the endpoints' },
      ],
    });
    return group.attrGroupId;
  }

  private addEndpoints(vpc: Vpc): void {
    const endpoints = new SecurityGroup(this, 'Endpoints', {
      // The CDK types Vpc and IVpc differ in an optional `undefined`, which exactOptionalPropertyTypes rejects.
      vpc: vpc as IVpc,
      description: 'VPC endpoints: HTTPS from the functions of the vault only',
      allowAllOutbound: false,
    });
    endpoints.addIngressRule(Peer.securityGroupId(this.securityGroupId), Port.tcp(443), 'HTTPS from functions');
    const table = vpc.addGatewayEndpoint('DynamoDb', { service: GatewayVpcEndpointAwsService.DYNAMODB });
    table.addToPolicy(onlyThisAccount('dynamodb'));
    const objects = vpc.addGatewayEndpoint('S3', { service: GatewayVpcEndpointAwsService.S3 });
    objects.addToPolicy(onlyThisAccount('s3'));
    objects.addToPolicy(this.deploymentResponses());
    for (const [id, service] of Object.entries(interfaceServices)) {
      const endpoint = vpc.addInterfaceEndpoint(id, { service, securityGroups: [endpoints], open: false });
      endpoint.addToPolicy(onlyThisAccount(service.shortName.split('.')[0] ?? ''));
    }
  }

  /**
   * The publisher sends its result to CloudFormation by a presigned URL of a bucket of AWS. The bucket's name has the
   * region without hyphens (CloudFormation user guide, "VPC endpoints", "Considerations").
   */
  private deploymentResponses(): PolicyStatement {
    const region = Fn.join('', Fn.split('-', Aws.REGION));
    const bucket = `arn:${Aws.PARTITION}:s3:::cloudformation-custom-resource-response-${region}`;
    return new PolicyStatement({
      actions: ['s3:PutObject'],
      principals: [new AnyPrincipal()],
      resources: [`${bucket}/*`],
    });
  }
}

const onlyThisAccount = (service: string): PolicyStatement =>
  new PolicyStatement({
    actions: [`${service}:*`],
    principals: [new AnyPrincipal()],
    resources: ['*'],
    conditions: { StringEquals: { 'aws:PrincipalAccount': Aws.ACCOUNT_ID } },
  });
