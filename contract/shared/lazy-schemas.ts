/**
 * Schemas that are built at first use. Building the schemas of all routes took 18 of the 43 ms of CPU time in which the
 * reader started, without the AWS SDK. They are not built for the routes of a function while it starts either: the first
 * request needs those of one route, and responses are never checked in functions.
 */
import type * as z from 'zod/mini';

/** Builds the schemas of one route. */
export interface SchemaBuilders {
  readonly params: () => z.ZodMiniType;
  readonly query: () => z.ZodMiniType;
  readonly body: (() => z.ZodMiniType) | undefined;
  readonly response: () => z.ZodMiniType;
}

/** The schemas of one route. Each property builds its schema at first access. */
export interface RouteSchemas {
  readonly params: z.ZodMiniType;
  readonly query: z.ZodMiniType;
  readonly body: z.ZodMiniType | undefined;
  readonly response: z.ZodMiniType;
}

type BuiltSchemas<B extends SchemaBuilders> = {
  readonly [Part in keyof SchemaBuilders]: B[Part] extends () => infer Schema ? Schema : undefined;
};

/** Makes schemas by route from their builders. Builds none. */
export function lazySchemas<Builders extends Readonly<Record<string, SchemaBuilders>>>(
  builders: Builders,
): { readonly [Id in keyof Builders]: BuiltSchemas<Builders[Id]> } {
  const routes = Object.entries(builders).map(([id, route]) => [id, new LazyRoute(route)]);
  // The getters have the types of their builders; the compiler cannot infer that from the entries.
  return Object.fromEntries(routes) as { readonly [Id in keyof Builders]: BuiltSchemas<Builders[Id]> };
}

/** A class, because objects with getters and closures of their own for each route took 2 ms of each cold start. */
class LazyRoute implements RouteSchemas {
  readonly #builders: SchemaBuilders;
  #params: z.ZodMiniType | undefined;
  #query: z.ZodMiniType | undefined;
  #body: z.ZodMiniType | undefined;
  #response: z.ZodMiniType | undefined;

  constructor(builders: SchemaBuilders) {
    this.#builders = builders;
  }

  get params(): z.ZodMiniType {
    this.#params ??= this.#builders.params();
    return this.#params;
  }

  get query(): z.ZodMiniType {
    this.#query ??= this.#builders.query();
    return this.#query;
  }

  get body(): z.ZodMiniType | undefined {
    this.#body ??= this.#builders.body?.();
    return this.#body;
  }

  get response(): z.ZodMiniType {
    this.#response ??= this.#builders.response();
    return this.#response;
  }
}
