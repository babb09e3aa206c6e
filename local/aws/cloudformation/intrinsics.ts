/**
 * The supported intrinsic functions of CloudFormation. An unsupported function is an error that names it: if a setting
 * were silently dropped, the emulated system would differ from the deployed one.
 * Source: AWS CloudFormation template reference, "Intrinsic function reference".
 */
import { LocalError } from '../shared/errors.ts';
import { isObject, type Json, type JsonObject } from '../shared/json.ts';

/** Resolves references of one template. All methods throw a LocalError for an unknown reference. */
export interface References {
  /** `undefined` for `AWS::NoValue`: the property with this value is removed. */
  ref(name: string): string | undefined;
  attribute(logicalId: string, name: string): string;
  /** The value of an export of another stack. */
  importValue(exportName: string): Json;
}

type Intrinsic = (argument: Json, references: References) => Json | undefined;

const intrinsics: Record<string, Intrinsic> = {
  Ref: (argument, references) => references.ref(expectString(argument, 'Ref')),
  'Fn::GetAtt': (argument, references) => {
    const [logicalId, ...path] =
      typeof argument === 'string' ? argument.split('.') : expectStrings(argument, 'Fn::GetAtt');
    return references.attribute(logicalId ?? '', path.join('.'));
  },
  'Fn::ImportValue': (argument, references) =>
    references.importValue(expectString(resolveIntrinsics(argument, references), 'Fn::ImportValue')),
  'Fn::Join': (argument, references) => {
    const [separator, parts] = expectPair(argument, 'Fn::Join');
    return expectStrings(resolveIntrinsics(parts, references), 'Fn::Join').join(expectString(separator, 'Fn::Join'));
  },
  'Fn::Split': (argument, references) => {
    const [separator, source] = expectPair(argument, 'Fn::Split');
    return expectString(resolveIntrinsics(source, references), 'Fn::Split').split(expectString(separator, 'Fn::Split'));
  },
  'Fn::Select': (argument, references) => {
    const [index, list] = expectPair(argument, 'Fn::Select');
    const items = resolveIntrinsics(list, references);
    const item = Array.isArray(items) ? items[Number(index)] : undefined;
    if (item === undefined)
      throw new LocalError(
        `The template selects item ${String(index)} of a list that has no such item. Nothing was started.`,
      );
    return item;
  },
  'Fn::Sub': (argument, references) => {
    if (typeof argument === 'string') return substitute(argument, {}, references);
    const [pattern, variables] = expectPair(argument, 'Fn::Sub');
    if (!isJsonObject(variables)) throw malformedIntrinsic('Fn::Sub');
    return substitute(expectString(pattern, 'Fn::Sub'), variables, references);
  },
};

/** Resolves every intrinsic within a value. `undefined` if the value is `AWS::NoValue`. */
export function resolveIntrinsics(value: Json, references: References): Json | undefined {
  if (Array.isArray(value)) {
    return value.map((item) => resolveIntrinsics(item, references)).filter((item) => item !== undefined);
  }
  if (!isJsonObject(value)) return value;
  const called = Object.keys(value).find((key) => key === 'Ref' || key.startsWith('Fn::'));
  if (called !== undefined) return applyIntrinsic(called, value, references);
  const resolved: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    const result = resolveIntrinsics(item, references);
    if (result !== undefined) resolved[key] = result;
  }
  return resolved;
}

function applyIntrinsic(name: string, holder: JsonObject, references: References): Json | undefined {
  const intrinsic = intrinsics[name];
  if (intrinsic === undefined || Object.keys(holder).length !== 1) {
    throw new LocalError(
      `The template uses ${name}, which this emulator does not support. Nothing was started. ` +
        `Add it to local/aws/cloudformation/intrinsics.ts, or write the construct without it.`,
    );
  }
  return intrinsic(holder[name] ?? null, references);
}

function substitute(pattern: string, variables: JsonObject, references: References): string {
  return pattern.replaceAll(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
    if (literal === '!') return `\${${name}}`;
    const variable = variables[name];
    if (variable !== undefined) return expectString(resolveIntrinsics(variable, references), 'Fn::Sub');
    const [logicalId = '', ...path] = name.split('.');
    return path.length > 0
      ? references.attribute(logicalId, path.join('.'))
      : expectString(references.ref(logicalId), 'Fn::Sub');
  });
}

const isJsonObject = (value: Json): value is JsonObject => isObject(value);
const malformedIntrinsic = (name: string) =>
  new LocalError(`The template uses ${name} with arguments that are not documented. Nothing was started.`);

function expectString(value: Json | undefined, name: string): string {
  if (typeof value !== 'string') throw malformedIntrinsic(name);
  return value;
}

function expectStrings(value: Json | undefined, name: string): string[] {
  if (!Array.isArray(value)) throw malformedIntrinsic(name);
  return value.map((item) => expectString(item, name));
}

function expectPair(value: Json, name: string): [Json, Json] {
  const [first, second] = Array.isArray(value) && value.length === 2 ? value : [];
  if (first === undefined || second === undefined) throw malformedIntrinsic(name);
  return [first, second];
}
