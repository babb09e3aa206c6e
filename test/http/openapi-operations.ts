/** The operations of the OpenAPI document, and checks of responses against it. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect } from 'vitest';
import { openApiDocument } from '../../contract/openapi-document.ts';
import type { RuleId } from '../../contract/route-rules.ts';
import { type RouteId, routes } from '../../contract/routes.ts';
import type { JsonSchema } from './openapi-values.ts';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: JsonSchema;
}

interface ResponseObject {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly required?: boolean }>>;
  readonly content: Readonly<Record<string, unknown>>;
}

interface OperationObject {
  readonly operationId: RouteId;
  readonly description?: string;
  readonly 'x-anima-rules'?: readonly RuleId[];
  readonly security: readonly object[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content: Readonly<Record<string, { schema?: JsonSchema }>>;
  };
  readonly responses: Readonly<Record<string, ResponseObject>>;
}

export interface Operation extends OperationObject {
  readonly method: string;
  readonly path: string;
  /** Schema of a JSON body. */
  readonly bodySchema: JsonSchema | undefined;
  isValidBody(body: unknown): boolean;
}

/** As a client reads it: `undefined` members are gone. */
export const openApiJson: { paths: Record<string, Record<string, OperationObject>> } = JSON.parse(
  JSON.stringify(openApiDocument()),
);

const ajv = addFormats.default(new Ajv2020({ strict: false, allowUnionTypes: true }));
ajv.addSchema({ $id: 'api', ...openApiJson });

const pointer = (...parts: string[]): string =>
  `api#/${parts.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;

const validators = new Map<string, ValidateFunction>();
function validatorOf(reference: string): ValidateFunction {
  const known = validators.get(reference) ?? ajv.compile({ $ref: reference });
  validators.set(reference, known);
  return known;
}

export const matchesSchema = (schema: JsonSchema, value: unknown): boolean => ajv.validate(schema, value);

export const operations: readonly Operation[] = Object.entries(openApiJson.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => {
    const bodySchema = operation.requestBody?.content['application/json']?.schema;
    const reference = pointer('paths', path, method, 'requestBody', 'content', 'application/json', 'schema');
    return {
      ...operation,
      method: method.toUpperCase(),
      path,
      bodySchema,
      isValidBody: (body: unknown) => bodySchema !== undefined && validatorOf(reference)(body),
    };
  }),
);

export interface Answered {
  readonly status: number;
  /** The code of a problem document; undefined for other responses. */
  readonly code: string | undefined;
  readonly body: unknown;
}

/** Asserts that status, media type, headers and body of a response are as the document says, and returns them. */
export async function expectDocumented(operation: Operation, answer: Response): Promise<Answered> {
  const { status } = answer;
  const text = await answer.text();
  const { path, method, operationId } = operation;
  const where = `${operationId}: ${status} ${text.slice(0, 400)}`;
  expect(status, where).toBeLessThan(500);
  const documented = operation.responses[status] ?? expect.fail(`not documented: ${where}`);
  for (const [name, { required }] of Object.entries(documented.headers ?? {}))
    if (required === true) expect(answer.headers.get(name), `header ${name} of ${where}`).not.toBeNull();
  const type = answer.headers.get('content-type')?.split(';')[0] ?? '';
  expect(Object.keys(documented.content), `media type of ${where}`).toContain(type);
  const isJson = /[/+]json$/.test(type);
  const body: unknown = isJson ? JSON.parse(text) : text;
  const validate = validatorOf(
    pointer('paths', path, method.toLowerCase(), 'responses', `${status}`, 'content', type, 'schema'),
  );
  expect(validate(body), `${where} ${JSON.stringify(validate.errors)}`).toBe(true);
  const code: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'code') : undefined;
  if (typeof code !== 'string' || status < 400) return { status, code: undefined, body };
  expect(documented.description, `code of ${where}`).toContain(`\`${code}\``);
  return { status, code, body };
}

export const groupOf = ({ operationId }: Operation): string => routes[operationId].group;
