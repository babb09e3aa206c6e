/**
 * The resource types of a WebSocket API that this emulator supports, with every accepted property (see
 * resource-schemas.ts).
 * Source: AWS CloudFormation template reference, `AWS::ApiGatewayV2`; API Gateway developer guide, "WebSocket selection
 * expressions in API Gateway".
 */
import { z } from 'zod';

const ignoredProperty = z.unknown().optional();

/** `$request.body.type`, also written `${request.body.type}`: the path of a property of a JSON message. */
const routeSelection = /^\$\{?request\.body\.(?<path>[\w-]+(?:\.[\w-]+)*)\}?$/;

export const socketApiSchema = z.strictObject({
  ProtocolType: z.literal('WEBSOCKET'),
  RouteSelectionExpression: z
    .string()
    .regex(routeSelection, 'this emulator supports only $request.body and the path of a property')
    .transform((text) => (routeSelection.exec(text)?.groups?.path ?? '').split('.')),
  Name: ignoredProperty,
  Description: ignoredProperty,
});

const throttlingProperties = {
  ThrottlingRateLimit: z.number().min(0).optional(),
  ThrottlingBurstLimit: z.number().int().min(0).optional(),
  // There are no execution logs and no metrics.
  DataTraceEnabled: ignoredProperty,
  DetailedMetricsEnabled: ignoredProperty,
  LoggingLevel: ignoredProperty,
};

const routeSettingsSchema = z.strictObject(throttlingProperties);
export type ThrottlingSettings = Pick<
  z.infer<typeof routeSettingsSchema>,
  'ThrottlingRateLimit' | 'ThrottlingBurstLimit'
>;

export const socketStageSchema = z.strictObject({
  ApiId: z.string(),
  StageName: z.string().regex(/^[\w-]{1,128}$/, 'API Gateway rejects this name of a stage of a WebSocket API'),
  AccessLogSettings: z.strictObject({ DestinationArn: z.string(), Format: z.string() }).optional(),
  DefaultRouteSettings: routeSettingsSchema.default({}),
  RouteSettings: z.record(z.string(), routeSettingsSchema).default({}),
  AutoDeploy: ignoredProperty,
  DeploymentId: ignoredProperty,
  Description: ignoredProperty,
});

/** The routes as they are in the template are deployed. */
export const socketDeploymentSchema = z.strictObject({
  ApiId: z.string(),
  Description: ignoredProperty,
  StageName: ignoredProperty,
});

export const socketRouteSchema = z.strictObject({
  ApiId: z.string(),
  RouteKey: z.string(),
  Target: z.string().regex(/^integrations\/./),
  AuthorizationType: z.literal('NONE', 'this emulator supports no authorizer of a WebSocket API').default('NONE'),
  RouteResponseSelectionExpression: z.literal('$default').optional(),
  ApiKeyRequired: z.literal(false).optional(),
  OperationName: ignoredProperty,
});

export const routeResponseSchema = z.strictObject({
  ApiId: z.string(),
  RouteId: z.string(),
  RouteResponseKey: z.literal('$default', 'API Gateway supports only the route response $default'),
});

/** `\$default` selects the template with the key `$default`. */
const templateSelection = z
  .string()
  .regex(/^\\?\$?[\w/-]+$/, 'this emulator supports only a constant key of a template')
  .transform((text) => text.replace(/^\\/, ''))
  .default('$default');

/** API Gateway evaluates templates in the Velocity Template Language. Here, a template is constant text. */
const constantTemplates = z
  .record(
    z.string(),
    z.string().regex(/^[^$#]*$/, 'this emulator supports only templates without Velocity variables and directives'),
  )
  .default({});

const integrationProperties = {
  ApiId: z.string(),
  TimeoutInMillis: z.number().int().min(50).max(29_000).default(29_000),
  Description: ignoredProperty,
  ConnectionType: ignoredProperty,
  PassthroughBehavior: ignoredProperty,
};

export const socketIntegrationSchema = z.discriminatedUnion('IntegrationType', [
  z.strictObject({
    ...integrationProperties,
    IntegrationType: z.literal('AWS_PROXY'),
    IntegrationUri: z.string(),
    IntegrationMethod: ignoredProperty,
  }),
  z.strictObject({
    ...integrationProperties,
    IntegrationType: z.literal('MOCK'),
    // The CDK writes an empty one.
    IntegrationUri: z.literal('').optional(),
    RequestTemplates: constantTemplates,
    TemplateSelectionExpression: templateSelection,
  }),
]);

export const integrationResponseSchema = z.strictObject({
  ApiId: z.string(),
  IntegrationId: z.string(),
  /** `$default`, or a regular expression of the status, as `/2\d\d/`. */
  IntegrationResponseKey: z.string().regex(/^(\$default|\/.+\/)$/),
  ResponseTemplates: constantTemplates,
  TemplateSelectionExpression: templateSelection,
});
