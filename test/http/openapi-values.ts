/** Values that a JSON Schema of the OpenAPI document allows, from a generator. */
import fc from 'fast-check';

export interface JsonSchema {
  /** Variants, if there is no type. Otherwise, conditions on a value of the type. */
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly propertyNames?: JsonSchema;
  readonly maxProperties?: number;
}

/** Longest boundary value that is sent in full. */
const longestBoundary = 70_000;

export function valuesOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const { type } = schema;
  if (typeof type === 'object') return fc.oneof(...type.map((one) => valuesOf({ ...schema, type: one })));
  const variants = schema.anyOf ?? schema.oneOf;
  if (type === undefined && variants !== undefined) return fc.oneof(...variants.map(valuesOf));
  switch (type) {
    case 'string':
      return textsOf(schema);
    case 'integer':
      return integersOf(schema);
    case 'number':
      return fc.double({ min: schema.minimum ?? -1e9, max: schema.maximum ?? 1e9, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return arraysOf(schema);
    case 'object':
      return objectsOf(schema);
    case undefined:
      return fc.jsonValue({ maxDepth: 3, stringUnit: 'grapheme' }).filter((json) => !hasProtoMember(json));
    default:
      throw new Error(`No values are generated for a schema of type ${type}`);
  }
}

/** A rule of the routes with free JSON (contract/route-rules.ts, recordDepth). */
const hasProtoMember = (json: unknown): boolean => JSON.stringify(json).includes('"__proto__":');

function textsOf({ format, pattern, minLength = 0, maxLength = 64 }: JsonSchema): fc.Arbitrary<string> {
  if (format === 'date-time') return futureTimes;
  const expression = pattern === undefined ? undefined : new RegExp(pattern, 'u');
  const fits = (text: string) => {
    const length = [...text].length;
    return length >= minLength && length <= maxLength && (expression?.test(text) ?? true);
  };
  const generated =
    expression === undefined || pattern?.includes('\\p{') === true
      ? fc.string({ unit: 'binary', minLength, maxLength: Math.min(maxLength, minLength + 64) })
      : fc.stringMatching(expression);
  // JSON Schema counts characters, of which one can have two UTF-16 code units and four bytes.
  const boundaries = ['x', '0', '😀', 'é']
    .flatMap((character) => [character.repeat(minLength), character.repeat(Math.min(maxLength, longestBoundary))])
    .filter(fits);
  const texts = generated.filter(fits);
  return boundaries.length === 0 ? texts : fc.oneof({ arbitrary: texts, weight: 3 }, fc.constantFrom(...boundaries));
}

/** Times that satisfy the rule `future`, in UTC and with an offset. */
const futureTimes = fc
  .tuple(
    fc.date({ min: new Date('2090-01-01T00:00:00Z'), max: new Date('9998-12-31T00:00:00Z'), noInvalidDate: true }),
    fc.constantFrom('Z', '+00:00', '-23:59', '+14:00'),
  )
  .map(([date, offset]) => date.toISOString().replace('Z', offset));

function integersOf({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: JsonSchema): fc.Arbitrary<number> {
  return fc.oneof(fc.constantFrom(minimum, maximum), fc.integer({ min: minimum, max: maximum }));
}

function arraysOf({
  items = {},
  minItems = 0,
  maxItems = 8,
  uniqueItems = false,
}: JsonSchema): fc.Arbitrary<unknown[]> {
  const constraints = { minLength: minItems, maxLength: Math.min(maxItems, Math.max(minItems, 4)) };
  const item = valuesOf(items);
  return uniqueItems ? fc.uniqueArray(item, { ...constraints, selector: JSON.stringify }) : fc.array(item, constraints);
}

function objectsOf(schema: JsonSchema): fc.Arbitrary<object> {
  const { properties, required = [], additionalProperties, propertyNames = { type: 'string' } } = schema;
  if (properties === undefined && typeof additionalProperties === 'object')
    return fc.dictionary(textsOf(propertyNames), valuesOf(additionalProperties), {
      maxKeys: schema.maxProperties ?? 4,
      noNullPrototype: true,
    });
  const model = Object.fromEntries(
    Object.entries(properties ?? {}).map(([name, property]) => [name, valuesOf(property)]),
  );
  return fc.record(model, { requiredKeys: [...required], noNullPrototype: true });
}
