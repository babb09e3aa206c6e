/** Joins the resources of a WebSocket API. */
import { z } from 'zod';
import { LocalError } from '../shared/errors.ts';
import type { AssemblyReferences } from './references.ts';
import type { SocketApiSpec, SocketIntegration } from './socket-api-spec.ts';
import type { FindFunction } from './template-functions.ts';
import type { Resource, ResourceKind } from './template-resources.ts';

type All = <K extends ResourceKind>(kind: K) => readonly Resource<K>[];

/** Undefined if the template has no WebSocket API. */
export function toSocketApiSpec(
  all: All,
  references: AssemblyReferences,
  findFunction: FindFunction,
): SocketApiSpec | undefined {
  // A deployment has no effect here, but its properties are checked.
  all('socketDeployment');
  const [api, ...others] = all('socketApi');
  if (api === undefined) return undefined;
  const [stage, ...otherStages] = all('socketStage');
  if (others.length > 0 || stage === undefined || otherStages.length > 0) {
    throw new LocalError('This emulator runs at most one WebSocket API, with one stage. Nothing was started.');
  }
  const integrations = new Map<string, SocketIntegration>(
    all('socketIntegration').map((integration) => {
      const id = references.ref(integration.logicalId) ?? '';
      const responses = all('integrationResponse').filter(({ IntegrationId }) => IntegrationId === id);
      return [`integrations/${id}`, toIntegration(integration, responses, findFunction)] as const;
    }),
  );
  const answered = new Set(all('routeResponse').map(({ RouteId }) => RouteId));
  const routes = all('socketRoute').map((route) => {
    const integration = integrations.get(route.Target);
    if (integration === undefined) {
      throw new LocalError(`The route "${route.RouteKey}" has no integration in this template. Nothing was started.`);
    }
    return {
      routeKey: route.RouteKey,
      integration,
      // Source: API Gateway developer guide, "Set up route responses for WebSocket APIs".
      isTwoWay:
        route.RouteResponseSelectionExpression !== undefined && answered.has(references.ref(route.logicalId) ?? ''),
      throttling: { ...stage.DefaultRouteSettings, ...stage.RouteSettings[route.RouteKey] },
    };
  });
  return {
    apiId: references.ref(api.logicalId) ?? '',
    // Not parsed as a URL: that would change upper-case letters of the generated ID.
    hostName: references.attribute(api.logicalId, 'ApiEndpoint').slice('wss://'.length),
    stageName: stage.StageName,
    routeSelection: api.RouteSelectionExpression,
    routes,
    accessLogFormat: stage.AccessLogSettings?.Format,
  };
}

function toIntegration(
  integration: Resource<'socketIntegration'>,
  responses: readonly Resource<'integrationResponse'>[],
  findFunction: FindFunction,
): SocketIntegration {
  if (integration.IntegrationType === 'MOCK') return toMock(integration, responses);
  const { IntegrationUri, TimeoutInMillis, logicalId } = integration;
  const arn = /^arn:[^:]+:apigateway:.*\/functions\/(.+)\/invocations$/.exec(IntegrationUri)?.[1];
  const target = findFunction(arn ?? IntegrationUri);
  if (target === undefined) {
    throw new LocalError(`${logicalId} does not invoke a function of this template. Nothing was started.`);
  }
  return { kind: 'function', targetArn: target.targetArn, timeoutMs: TimeoutInMillis };
}

const mockRequestSchema = z.object({ statusCode: z.number().int().min(100).max(599) });

/** The request template gives the status, which selects the integration response with the body. */
function toMock(
  {
    logicalId,
    RequestTemplates,
    TemplateSelectionExpression,
  }: Extract<Resource<'socketIntegration'>, { IntegrationType: 'MOCK' }>,
  responses: readonly Resource<'integrationResponse'>[],
): SocketIntegration {
  const request = mockRequestSchema.safeParse(parseOrUndefined(RequestTemplates[TemplateSelectionExpression]));
  if (!request.success) {
    throw new LocalError(
      `The request template of ${logicalId} has no statusCode, so API Gateway could not execute it. Nothing was started.`,
    );
  }
  const status = request.data.statusCode;
  const response =
    responses.find(({ IntegrationResponseKey: key }) => key !== '$default' && matchesStatus(key, status)) ??
    responses.find(({ IntegrationResponseKey: key }) => key === '$default');
  if (response === undefined) {
    throw new LocalError(
      `${logicalId} has no integration response for the status ${status}. Nothing was started. An integration that is ` +
        `no proxy needs at least one (API Gateway developer guide, "Set up WebSocket API integration responses").`,
    );
  }
  const body = response.ResponseTemplates[response.TemplateSelectionExpression];
  if (body === undefined) {
    throw new LocalError(
      `${response.logicalId} has no response template that its expression selects. Nothing was started.`,
    );
  }
  return { kind: 'mock', status, body };
}

const matchesStatus = (key: string, status: number): boolean =>
  new RegExp(`^(?:${key.slice(1, -1)})$`).test(String(status));

function parseOrUndefined(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
