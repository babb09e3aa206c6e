/**
 * Route selection of an HTTP API. A full match has priority over a match with a greedy variable, which has priority
 * over `$default`. A named method has priority over `ANY`.
 * Source: API Gateway developer guide, "Routing API requests for HTTP APIs".
 */
import type { RouteSpec } from '../cloudformation/deployment-spec.ts';

export interface RouteMatch {
  readonly route: RouteSpec;
  /** Percent-decoded once; undefined when the route has no variables. */
  readonly pathParameters: Readonly<Record<string, string>> | undefined;
}

interface CompiledRoute {
  readonly route: RouteSpec;
  readonly method: string;
  readonly segments: readonly Segment[];
}

type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'variable' | 'greedy'; readonly name: string };

const segmentWeight = { literal: 2, variable: 1, greedy: 0 } as const;

export type Router = (method: string, path: string) => RouteMatch | 'not-found' | 'malformed';

/** Creates a router for the template's routes. The router takes paths as sent, percent-encoded. */
export function createRouter(routes: readonly RouteSpec[]): Router {
  const fallback = routes.find(({ routeKey }) => routeKey === '$default');
  const compiled = routes
    .filter(({ routeKey }) => routeKey !== '$default')
    .map(compileRoute)
    .sort(bySpecificity);
  return (method, path) => {
    const parts = path.split('/').slice(1);
    for (const candidate of compiled) {
      if (candidate.method !== 'ANY' && candidate.method !== method) continue;
      const values = captureVariables(candidate.segments, parts);
      if (values === undefined) continue;
      const pathParameters = decodeAll(values);
      return pathParameters === 'malformed' ? 'malformed' : { route: candidate.route, pathParameters };
    }
    return fallback === undefined ? 'not-found' : { route: fallback, pathParameters: undefined };
  };
}

/** Percent-decodes; undefined if the encoding is invalid or the decoded bytes are not UTF-8. */
export function percentDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function compileRoute(route: RouteSpec): CompiledRoute {
  const [method = '', path = ''] = route.routeKey.split(' ');
  return { route, method, segments: path.split('/').slice(1).map(segmentOf) };
}

function segmentOf(text: string): Segment {
  const variable = /^\{([^+}]+)(\+?)\}$/.exec(text);
  if (variable === null) return { kind: 'literal', text };
  return { kind: variable[2] === '+' ? 'greedy' : 'variable', name: variable[1] ?? '' };
}

function bySpecificity(a: CompiledRoute, b: CompiledRoute): number {
  for (let i = 0; i < Math.max(a.segments.length, b.segments.length); i++) {
    const difference = weightAt(b, i) - weightAt(a, i);
    if (difference !== 0) return difference;
  }
  return Number(a.method === 'ANY') - Number(b.method === 'ANY');
}

function weightAt({ segments }: CompiledRoute, index: number): number {
  const segment = segments[index];
  return segment === undefined ? -1 : segmentWeight[segment.kind];
}

/** The values of a route's variables for a path, percent-encoded; undefined if the path does not match. */
function captureVariables(segments: readonly Segment[], parts: readonly string[]): Map<string, string> | undefined {
  const values = new Map<string, string>();
  const isGreedy = segments.at(-1)?.kind === 'greedy';
  if (isGreedy ? parts.length < segments.length : parts.length !== segments.length) return undefined;
  for (const [i, segment] of segments.entries()) {
    const part = segment.kind === 'greedy' ? parts.slice(i).join('/') : parts[i];
    if (part === undefined || !segmentMatches(segment, part)) return undefined;
    if (segment.kind !== 'literal') values.set(segment.name, part);
  }
  return values;
}

const segmentMatches = (segment: Segment, part: string): boolean =>
  segment.kind === 'literal' ? segment.text === part : part !== '';

function decodeAll(values: ReadonlyMap<string, string>): Record<string, string> | undefined | 'malformed' {
  if (values.size === 0) return undefined;
  const decoded: Record<string, string> = {};
  for (const [name, value] of values) {
    const text = percentDecode(value);
    if (text === undefined) return 'malformed';
    decoded[name] = text;
  }
  return decoded;
}
