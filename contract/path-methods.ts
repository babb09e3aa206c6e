/** The methods of each path. Not in the table of routes, because clients would then bundle it. */
import { routes } from './routes.ts';
import { lazy } from './shared/lazy.ts';

/** Patterns of the paths, with the methods that each path has. Only requests without a route need them. */
const methodsByPath = lazy((): readonly (readonly [RegExp, readonly string[]])[] =>
  [...Map.groupBy(Object.values(routes), ({ path }) => path)].map(([path, rows]) => [
    pathPattern(path),
    rows.map(({ method }) => method),
  ]),
);

function pathPattern(path: string): RegExp {
  const segments = path.split('/').map((segment) => {
    if (segment.endsWith('+}')) return '.+';
    return segment.startsWith('{') ? '[^/]+' : segment.replaceAll('.', '\\.');
  });
  return new RegExp(`^${segments.join('/')}$`, 's');
}

/** The methods that the routes of a path have; empty for a path without routes. */
export const methodsOfPath = (path: string): string[] => [
  ...new Set(methodsByPath().flatMap(([pattern, methods]) => (pattern.test(path) ? methods : []))),
];
