import {
  ApiMapping,
  DomainName,
  EndpointType,
  type IApi,
  type IStage,
  SecurityPolicy,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { Construct } from 'constructs';

interface ApiDomainProps {
  readonly name: string;
  /** ARN of an ACM certificate in the region of the deployment. */
  readonly certificateArn: string;
  readonly api: IApi;
  readonly stage: IStage;
}

/**
 * A domain of an API. An HTTP API and a WebSocket API cannot have the same one. The deployer creates the DNS record, because its zone may be in another account. HTTP APIs
 * support only the policy TLS 1.2 (API Gateway developer guide, "Security policy for HTTP APIs").
 */
export class ApiDomain extends Construct {
  /** For an HTTP API. */
  readonly url: string;
  /** Name that the DNS record of the domain points to. */
  readonly target: string;
  /** Hosted zone of this name, for an alias record in Route 53. */
  readonly targetZone: string;

  constructor(scope: Construct, id: string, { name, certificateArn, api, stage }: ApiDomainProps) {
    super(scope, id);
    const domainName = new DomainName(this, 'Name', {
      domainName: name,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
      endpointType: EndpointType.REGIONAL,
      securityPolicy: SecurityPolicy.TLS_1_2,
    });
    new ApiMapping(this, 'Mapping', { api, domainName, stage });
    this.url = `https://${name}`;
    this.target = domainName.regionalDomainName;
    this.targetZone = domainName.regionalHostedZoneId;
  }
}
