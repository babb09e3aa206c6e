/**
 * The intrinsic functions of CloudFormation that the template uses. One that is not known here is an error naming it:
 * a setting that is silently dropped would make what runs here differ from what deploys.
 * Source: AWS CloudFormation template reference, "Intrinsic function reference".
 */
import { LocalError } from '../shared/errors.ts';
import { isObject, type Json, type JsonObject } from '../shared/json.ts';

/** What `Ref` and `Fn::GetAtt` stand for. Both throw a LocalError for what they don't know. */
export interface References {
  /** `undefined` for `AWS::NoValue`: the property that holds it is dropped. */
  ref(name: string): string | undefined;
  attribute(logicalId: string, name: string): string;
}

type Intrinsic = (argument: Json, references: References) => Json | undefined;

const intrinsics: Record<string, Intrinsic> = {
  Ref: (argument, references) => references.ref(text(argument, 'Ref')),
  'Fn::GetAtt': (argument, references) => {
    const [logicalId, ...path] = typeof argument === 'string' ? argument.split('.') : texts(argument, 'Fn::GetAtt');
    return references.attribute(logicalId ?? '', path.join('.'));
  },
  'Fn::Join': (argument, references) => {
    const [separator, parts] = pair(argument, 'Fn::Join');
    return texts(resolve(parts, references), 'Fn::Join').join(text(separator, 'Fn::Join'));
  },
  'Fn::Split': (argument, references) => {
    const [separator, source] = pair(argument, 'Fn::Split');
    return text(resolve(source, references), 'Fn::Split').split(text(separator, 'Fn::Split'));
  },
  'Fn::Select': (argument, references) => {
    const [index, list] = pair(argument, 'Fn::Select');
    const items = resolve(list, references);
    const item = Array.isArray(items) ? items[Number(index)] : undefined;
    if (item === undefined) throw new LocalError(`The template selects item ${String(index)} of a list that has none.`);
    return item;
  },
  'Fn::Sub': (argument, references) => {
    if (typeof argument === 'string') return substitute(argument, {}, references);
    const [pattern, variables] = pair(argument, 'Fn::Sub');
    if (!isJsonObject(variables)) throw malformed('Fn::Sub');
    return substitute(text(pattern, 'Fn::Sub'), variables, references);
  },
};

/** Resolves every intrinsic within a value. `undefined` when the value itself is `AWS::NoValue`. */
export function resolve(value: Json, references: References): Json | undefined {
  if (Array.isArray(value)) {
    return value.map((item) => resolve(item, references)).filter((item) => item !== undefined);
  }
  if (!isJsonObject(value)) return value;
  const called = Object.keys(value).find((key) => key === 'Ref' || key.startsWith('Fn::'));
  if (called !== undefined) return call(called, value, references);
  const resolved: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    const result = resolve(item, references);
    if (result !== undefined) resolved[key] = result;
  }
  return resolved;
}

function call(name: string, holder: JsonObject, references: References): Json | undefined {
  const intrinsic = intrinsics[name];
  if (intrinsic === undefined || Object.keys(holder).length !== 1) {
    throw new LocalError(
      `The template uses ${name}, which the local vault does not know. Nothing was started. ` +
        `Add it to local/aws/cloudformation/intrinsics.ts, or write the construct without it.`,
    );
  }
  return intrinsic(holder[name] ?? null, references);
}

function substitute(pattern: string, variables: JsonObject, references: References): string {
  return pattern.replaceAll(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
    if (literal === '!') return `\${${name}}`;
    const variable = variables[name];
    if (variable !== undefined) return text(resolve(variable, references), 'Fn::Sub');
    const [logicalId = '', ...path] = name.split('.');
    return path.length > 0
      ? references.attribute(logicalId, path.join('.'))
      : text(references.ref(logicalId), 'Fn::Sub');
  });
}

const isJsonObject = (value: Json): value is JsonObject => isObject(value);
const malformed = (name: string) => new LocalError(`The template uses ${name} in a form that is not documented.`);

function text(value: Json | undefined, name: string): string {
  if (typeof value !== 'string') throw malformed(name);
  return value;
}

function texts(value: Json | undefined, name: string): string[] {
  if (!Array.isArray(value)) throw malformed(name);
  return value.map((item) => text(item, name));
}

function pair(value: Json, name: string): [Json, Json] {
  const [first, second] = Array.isArray(value) && value.length === 2 ? value : [];
  if (first === undefined || second === undefined) throw malformed(name);
  return [first, second];
}
