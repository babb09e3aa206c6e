/** Values at the limits of a JSON Schema of the OpenAPI document, and values that break exactly one constraint. */
import fc from 'fast-check';
import { type JsonSchema, valuesOf } from './openapi-values.ts';

export interface LabelledValue {
  readonly label: string;
  readonly value: unknown;
}

/** The value with one constraint violated, for every constraint of the schema. @param valid a value of the schema */
export function violationsOf(schema: JsonSchema, valid: unknown): LabelledValue[] {
  const own = ownViolations(schema, valid);
  if (schema.type === 'array' && Array.isArray(valid)) return [...own, ...arrayViolations(schema, valid)];
  if (schema.type === 'object' && typeof valid === 'object' && valid !== null)
    return [...own, ...objectViolations(schema, valid)];
  return own;
}

function ownViolations(schema: JsonSchema, valid: unknown): LabelledValue[] {
  const { type } = schema;
  return [
    ...(typeof type !== 'string' ? [] : [{ label: `not of type ${type}`, value: type === 'boolean' ? 'true' : true }]),
    ...(schema.enum === undefined ? [] : [{ label: 'not in enum', value: 'no-such-value' }]),
    ...(type === 'string' && typeof valid === 'string' ? textViolations(schema, valid) : []),
    ...(type === 'integer' ? [{ label: 'not an integer', value: 1.5 }] : []),
    ...(type === 'integer' || type === 'number' ? numberViolations(schema) : []),
  ];
}

const invalidTimes = ['2099-02-30T00:00:00Z', '2099-01-01 00:00:00Z', '2099-01-01T00:00:00', '4070908800'];

function textViolations({ minLength = 0, maxLength, pattern, format }: JsonSchema, valid: string): LabelledValue[] {
  const list: LabelledValue[] = [];
  if (minLength > 0) list.push({ label: 'minLength', value: [...valid].slice(0, minLength - 1).join('') });
  if (maxLength !== undefined) list.push({ label: 'maxLength', value: valid.padEnd(maxLength + 1, 'x') });
  if (pattern !== undefined) list.push({ label: 'pattern', value: `${valid.slice(0, 20)}\u0000` });
  if (format === 'date-time') list.push(...invalidTimes.map((value) => ({ label: `format ${value}`, value })));
  return list;
}

function numberViolations({ minimum, maximum }: JsonSchema): LabelledValue[] {
  return [
    ...(minimum === undefined ? [] : [{ label: 'minimum', value: minimum - 1 }]),
    ...(maximum === undefined ? [] : [{ label: 'maximum', value: maximum + 1 }]),
  ];
}

function arrayViolations(schema: JsonSchema, valid: readonly unknown[]): LabelledValue[] {
  const { items = {}, minItems = 0, maxItems, uniqueItems } = schema;
  const [first] = valid;
  const list: LabelledValue[] = [];
  if (minItems > 0) list.push({ label: 'minItems', value: valid.slice(0, minItems - 1) });
  if (first === undefined) return list;
  if (maxItems !== undefined) list.push({ label: 'maxItems', value: Array(maxItems + 1).fill(first) });
  if (uniqueItems === true) list.push({ label: 'uniqueItems', value: [first, ...valid] });
  for (const { label, value } of violationsOf(items, first))
    list.push({ label: `item: ${label}`, value: [value, ...valid.slice(1)] });
  return list;
}

function objectViolations(schema: JsonSchema, valid: object): LabelledValue[] {
  const { properties = {}, required = [], additionalProperties, maxProperties } = schema;
  const list: LabelledValue[] = [];
  if (additionalProperties === false) list.push({ label: 'unknown member', value: { ...valid, unknownMember: 1 } });
  if (typeof additionalProperties === 'object') {
    list.push({ label: 'name of a member', value: { 'a b': 'x' } });
    for (const { label, value } of violationsOf(additionalProperties, 'x'))
      list.push({ label: `member: ${label}`, value: { a: value } });
    if (maxProperties !== undefined) {
      const many = Array.from({ length: maxProperties + 1 }, (_, n) => [`k${n}`, 'x']);
      list.push({ label: 'maxProperties', value: Object.fromEntries(many) });
    }
  }
  for (const name of required)
    list.push({
      label: `without ${name}`,
      value: Object.fromEntries(Object.entries(valid).filter(([n]) => n !== name)),
    });
  for (const [name, property] of Object.entries(properties)) {
    const member: unknown = Reflect.get(valid, name);
    const before = member === undefined ? sampleOf(property) : member;
    for (const { label, value } of violationsOf(property, before))
      list.push({ label: `${name}: ${label}`, value: { ...valid, [name]: value } });
  }
  return list;
}

const sampleOf = (schema: JsonSchema): unknown => fc.sample(valuesOf(schema), { numRuns: 1, seed: 1 })[0];

/** What a schema without a limit allows. */
const unlimited = { length: 500, members: 40, minimum: -1, maximum: 1_000_000_000 };

/** The value at each limit of the schema, which is valid. A schema without a limit allows any value. */
export function limitsOf(schema: JsonSchema, valid: unknown): LabelledValue[] {
  if (schema.const !== undefined || schema.enum !== undefined) return [];
  switch (schema.type) {
    case 'string':
      return schema.format === undefined ? textLimits(schema) : [];
    case 'integer':
    case 'number':
      return [
        { label: 'minimum', value: schema.minimum ?? unlimited.minimum },
        { label: 'maximum', value: schema.maximum ?? unlimited.maximum },
      ];
    case 'array':
      return arrayLimits(schema, Array.isArray(valid) ? valid : []);
    case 'object':
      return objectLimits(schema, typeof valid === 'object' && valid !== null ? valid : {});
    default:
      return [];
  }
}

function textLimits({ minLength = 0, maxLength = unlimited.length }: JsonSchema): LabelledValue[] {
  // A character can have two UTF-16 code units, and four bytes. Schemas with a pattern allow some of these only.
  return ['x', '/', '\u{1f600}'].flatMap((character) => [
    { label: 'minLength', value: character.repeat(minLength) },
    { label: 'maxLength', value: character.repeat(maxLength) },
  ]);
}

function arrayLimits(
  { items = {}, minItems = 0, maxItems = 0 }: JsonSchema,
  valid: readonly unknown[],
): LabelledValue[] {
  const first = valid[0] ?? sampleOf(items);
  const list = [minItems, maxItems].map((count) => ({
    label: `${count} items`,
    value: fc.sample(valuesOf(items), { numRuns: count, seed: count }),
  }));
  return [...list, ...limitsOf(items, first).map(({ label, value }) => ({ label: `item: ${label}`, value: [value] }))];
}

function objectLimits(schema: JsonSchema, valid: object): LabelledValue[] {
  const { properties = {}, additionalProperties, maxProperties = unlimited.members } = schema;
  const list = Object.entries(properties).flatMap(([name, property]) => {
    const member: unknown = Reflect.get(valid, name);
    return limitsOf(property, member ?? sampleOf(property)).map(({ label, value }) => ({
      label: `${name}: ${label}`,
      value: { ...valid, [name]: value },
    }));
  });
  if (typeof additionalProperties !== 'object') return list;
  const members = Array.from({ length: maxProperties }, (_, n) => [`k${n}`, 'x']);
  const ofMembers = limitsOf(additionalProperties, 'x').map(({ label, value }) => ({ label, value: { k: value } }));
  return [...list, ...ofMembers, { label: 'maxProperties', value: Object.fromEntries(members) }];
}
