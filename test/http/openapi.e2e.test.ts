/**
 * A client that knows only the OpenAPI document: what the document allows is accepted, what it forbids is refused as
 * documented, and every response is documented.
 */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { itemOnlyCodes, unroutedCodes } from '../../contract/route-errors.ts';
import { rules } from '../../contract/route-rules.ts';
import { errors } from '../../contract/shared/error-codes.ts';
import { parseUserKey } from '../../core/users/user-key.ts';
import { ServedVault } from '../devices/signed-device-requests.ts';
import { ServedDirectory } from '../sessions/served-directory.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { limitsOf, violationsOf } from './openapi-limits.ts';
import {
  type Answered,
  expectDocumented,
  groupOf,
  matchesSchema,
  type Operation,
  openApiJson,
  operations,
  type Parameter,
} from './openapi-operations.ts';
import { type Fixtures, type GeneratedRequest, obeyRules, requestsOf, send } from './openapi-requests.ts';

const stack = useLocalStack();
const fixedSeed = 20_261_129;
const randomSeed = Math.floor(Math.random() * 2 ** 31);
/** The random requests of one operation end after this time, and there is at least one. */
const randomMs = 30;

let fixtures: Fixtures;

beforeAll(async () => {
  const { adminKey, agentKey } = stack.vault;
  const create = async (path: string, key: string, body: object) =>
    await (await stack.http('POST', path, { key, body })).json();
  const spare = await stack.newOrg();
  const { key: userKey } = await create('/v1/users', adminKey, {});
  const [spareUser, apiKey, blob, record] = await Promise.all([
    create('/v1/users', adminKey, {}),
    create('/v1/keys', adminKey, { role: 'reader' }),
    create('/v1/blobs', adminKey, {}),
    create('/v1/memory/records', userKey, { data: {} }),
    stack.http('PUT', '/v1/vault/values/x', { key: agentKey, body: { value: 'x' } }),
  ]);
  const ids = { '/v1/keys': apiKey.id, '/v1/blobs': blob.id, '/v1/memory': record.id };
  const { org, user } = parseUserKey(userKey) ?? expect.fail('no user key');
  const vault = new ServedVault(stack, { org, user, key: userKey });
  const device = { keys: await vault.begin(), scope: vault.scope };
  const directory = await ServedDirectory.begin(stack);
  fixtures = { adminKey, agentKey, userKey, device, directory, spare: { ...spare, userKey: spareUser.key }, ids };
});

/** Codes that say that the request is not as documented. */
const formCodes = new Set<string>([
  'invalid_request',
  'invalid_name',
  'invalid_cursor',
  'value_too_large',
  'record_too_large',
  'request_too_large',
  'unsupported_media_type',
  'missing_api_key',
  'missing_credential',
  ...unroutedCodes,
]);

/** The code of a response, and the codes of the items of a batch. */
function codesOf({ code, body }: Answered): string[] {
  const results: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'results') : undefined;
  const items: { error?: { code: string } }[] = Array.isArray(results) ? results : [];
  return [
    ...(code === undefined ? [] : [code]),
    ...items.flatMap(({ error }) => (error === undefined ? [] : [error.code])),
  ];
}

async function expectAccepted(operation: Operation, request: GeneratedRequest): Promise<void> {
  const answered = await expectDocumented(operation, await send(stack, operation, request, fixtures));
  for (const code of codesOf(answered)) expect(formCodes, JSON.stringify(answered.body)).not.toContain(code);
}

const byId = operations.map((operation) => [operation.operationId, operation] as const);

// The title has the seed, so that every report of a failure has it.
describe(`a request that the document allows is accepted, and its response is documented (seed ${randomSeed})`, () => {
  test.each(byId)('%s', async (_, operation) => {
    const requests = requestsOf(operation, fixtures);
    await fc.assert(
      fc.asyncProperty(requests, (request) => expectAccepted(operation, request)),
      { seed: fixedSeed, numRuns: 2 },
    );
    const deadline = Date.now() + randomMs;
    let sent = 0;
    const whileInTime = async (request: GeneratedRequest) => {
      if (sent++ === 0 || Date.now() < deadline) await expectAccepted(operation, request);
    };
    await fc.assert(fc.asyncProperty(requests, whileInTime), { seed: randomSeed, numRuns: 20 });
  });
});

/** Requests with one parameter or member at a limit. */
function requestsAtLimits(operation: Operation, valid: GeneratedRequest): GeneratedRequest[] {
  const { bodySchema, parameters, isValidBody } = operation;
  // Headers about the caller are recorded or not; they are never a reason to refuse a request.
  const checked = parameters.filter(({ name }) => !name.startsWith('x-anima-'));
  const ofParameters = checked.flatMap(({ name, in: place, schema }) =>
    limitsOf(schema, valid[place][name])
      .filter(({ value }) => matchesSchema(schema, value))
      // A header is sent in Latin-1; a path has no empty segment, and its dot segments are removed.
      .filter(({ value }) => place !== 'header' || /^[\x21-\x7e]+$/.test(String(value)))
      .filter(({ value }) => place !== 'path' || value !== '')
      .map(({ value }) => ({ ...valid, [place]: { ...valid[place], [name]: value } })),
  );
  if (bodySchema === undefined) return ofParameters;
  const ofBody = limitsOf(bodySchema, valid.body ?? {}).filter(({ value }) => isValidBody(value));
  return [...ofParameters, ...ofBody.map(({ value }) => ({ ...valid, body: structuredClone(value) }))];
}

describe('a request at a limit of the document is accepted, and its response is documented', () => {
  test.each(byId)('%s', async (_, operation) => {
    const requests = requestsAtLimits(operation, bareRequest(operation));
    const obedient = requests.map((request) => obeyRules(operation, structuredClone(request), fixtures));
    const distinct = new Map(obedient.map((request) => [JSON.stringify(request), request]));
    await inParallel([...distinct.values()], (request) => expectAccepted(operation, request));
  });
});

type Broken = readonly [label: string, request: GeneratedRequest];

/** Requests that break one constraint of a parameter. */
function brokenParameter({ name, in: place, schema, required }: Parameter, valid: GeneratedRequest): Broken[] {
  // Headers about the caller are recorded or not; they are never a reason to refuse a request.
  if (name.startsWith('x-anima-')) return [];
  const isNumber = schema.type === 'integer';
  const texts = violationsOf(schema, isNumber ? 1 : (valid[place][name] ?? 'x'))
    // In a path or query, a value of another type is a text. A header cannot contain NUL.
    .map(
      ({ label, value }) => [label, String(value).replaceAll('\u0000', place === 'header' ? ' "' : '\u0000')] as const,
    )
    .filter(([, text]) => !matchesSchema(schema, isNumber && /^\d+$/.test(text) ? Number(text) : text))
    // An empty segment, or one with a slash, is another path.
    .filter(([, text]) => place !== 'path' || (text !== '' && !text.includes('/')));
  const broken = texts.map(
    ([label, text]): Broken => [`${place} ${name}: ${label}`, { ...valid, [place]: { ...valid[place], [name]: text } }],
  );
  return required === true && place === 'query' ? [...broken, [`without ${name}`, { ...valid, query: {} }]] : broken;
}

/** Requests that break one constraint of the document each. */
function brokenRequests(operation: Operation, valid: GeneratedRequest): Broken[] {
  const { bodySchema, parameters, requestBody, isValidBody } = operation;
  const broken = parameters.flatMap((parameter) => brokenParameter(parameter, valid));
  // Providers choose the parameters of their webhooks.
  if (groupOf(operation) !== 'webhooks')
    broken.push(['unknown parameter', { ...valid, query: { ...valid.query, unknownParameter: 'x' } }]);
  if (bodySchema === undefined) return broken;
  if (requestBody?.required === true) broken.push(['no body', { ...valid, body: undefined }]);
  for (const { label, value } of violationsOf(bodySchema, valid.body ?? {}))
    if (!isValidBody(value)) broken.push([`body: ${label}`, { ...valid, body: value }]);
  return broken;
}

/** A malformed id is treated like an id that does not exist, of which nothing can be deleted. */
const deletedNothing = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && Reflect.get(body, 'deleted') === false;

describe('a request that breaks one constraint of the document is refused as documented', () => {
  test.each(byId)('%s', async (_, operation) => {
    const arbitrary = requestsOf(operation, fixtures).filter(
      ({ body }) => operation.bodySchema === undefined || body !== undefined,
    );
    const [valid = expect.fail('no request')] = fc.sample(arbitrary, { seed: fixedSeed, numRuns: 1 });
    const broken = brokenRequests(operation, valid);
    await inParallel(broken, async ([label, request]) => {
      const answered = await expectDocumented(operation, await send(stack, operation, request, fixtures));
      const refused = codesOf(answered).length > 0 || answered.status >= 400 || deletedNothing(answered.body);
      expect(refused, `${label} was accepted: ${JSON.stringify(request).slice(0, 300)}`).toBe(true);
    });
  });
});

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await run(item);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}

/** A valid request without optional parts where possible, which the limits of other parts cannot contradict. */
function bareRequest(operation: Operation): GeneratedRequest {
  const request = sampleOf(operation);
  const { bodySchema, isValidBody, parameters } = operation;
  const isRequired = ({ name, required }: Parameter) => required === true || name === 'name';
  const query = Object.fromEntries(
    parameters.flatMap((parameter) => {
      const kept = parameter.in === 'query' && isRequired(parameter);
      return kept ? [[parameter.name, request.query[parameter.name]]] : [];
    }),
  );
  const required = Object.entries(request.body ?? {}).filter(([name]) => bodySchema?.required?.includes(name));
  const body = Object.fromEntries(required);
  return { ...request, header: {}, query, body: isValidBody(body) ? body : request.body };
}

const sampleOf = (operation: Operation): GeneratedRequest =>
  fc.sample(requestsOf(operation, fixtures), { seed: fixedSeed, numRuns: 1 })[0] ?? expect.fail('no request');

describe('responses that do not depend on the schemas are documented', () => {
  test.each(byId.filter(([, { security }]) => security.length > 0))('%s without a credential', async (_, operation) => {
    const answer = await send(stack, operation, sampleOf(operation), fixtures, { key: undefined });
    const { status } = await expectDocumented(operation, answer);
    expect(status).toBe(operation.operationId === 'createOrg' ? 403 : 401);
  });

  test.each(byId.filter(([id, { bodySchema }]) => bodySchema !== undefined && id !== 'createOrg'))(
    '%s with another media type',
    async (_, operation) => {
      const options = {
        headers: { 'content-type': 'text/plain' },
        ...(operation.operationId === 'deleteAccount' ? { key: fixtures.userKey } : {}),
      };
      const request = { ...sampleOf(operation), body: {} };
      const { code } = await expectDocumented(operation, await send(stack, operation, request, fixtures, options));
      expect(code).toBe('unsupported_media_type');
    },
  );

  test.each(byId)(
    '%s with an invalid path, headers that are too long, and a refused precondition',
    async (_, operation) => {
      const request = sampleOf(operation);
      const long = { headers: { 'x-long': 'x'.repeat(11_000) }, key: undefined };
      expect((await expectDocumented(operation, await send(stack, operation, request, fixtures, long))).status).toBe(
        431,
      );
      if (operation.path.includes('{')) {
        const path = operation.path.replaceAll(/\{\w+\}/g, '%ff');
        const answer = await stack.http(operation.method, path, { key: fixtures.adminKey });
        expect((await expectDocumented(operation, answer)).status).toBe(400);
      }
      if (operation.responses[412] === undefined || operation.operationId === 'createOrg') return;
      const failing = { headers: { 'if-match': '"no-such-tag"' } };
      request.header = {};
      if (operation.operationId === 'setValue') request.body = { value: 'x' };
      const answer = await send(stack, operation, request, fixtures, failing);
      const { status } = await expectDocumented(operation, answer);
      // A shredded organization, a deleted user or a spent login is reported first.
      expect([401, 410, 412, 423]).toContain(status);
      if (operation.operationId === 'setValue') expect(status).toBe(412);
    },
  );

  test.each(Object.entries(openApiJson.paths))('%s with a method that it does not have', async (path, methods) => {
    const answer = await stack.http('PATCH', path.replaceAll(/\{\w+\}/g, 'x'), { key: fixtures.adminKey });
    expect(answer.status).toBe(405);
    const allow = answer.headers.get('allow')?.split(', ').sort();
    expect(allow).toEqual(
      Object.keys(methods)
        .map((method) => method.toUpperCase())
        .sort(),
    );
  });
});

describe('the document', () => {
  test('is the one that the service serves', async () => {
    expect(await (await stack.http('GET', '/v1/openapi.json')).json()).toEqual(openApiJson);
  });

  test('documents every error code with a route, and states every rule with a code that its route can answer', () => {
    const documented = operations
      .flatMap(({ responses }) => Object.values(responses))
      .map(({ description }) => description);
    for (const code of Object.keys(errors).filter(
      (one) => ![...itemOnlyCodes, ...unroutedCodes].some((other) => other === one),
    ))
      expect(
        documented.some((text) => text.includes(`\`${code}\``)),
        code,
      ).toBe(true);
    for (const { description = '', responses, 'x-anima-rules': ids = [] } of operations) {
      for (const id of ids) {
        const { text, code } = rules[id];
        expect(description).toContain(text);
        expect(responses[errors[code].status]?.description).toContain(`\`${code}\``);
      }
    }
  });
});
