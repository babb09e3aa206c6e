/** The part of a template that differs from another one, so that a linter need not read the rest again. */

type Json = Readonly<Record<string, unknown>>;
type Section = Record<string, unknown>;

/** Sections whose entries are kept if they differ or are referred to. */
const sections = ['Parameters', 'Mappings', 'Conditions', 'Resources', 'Outputs'] as const;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;
const sectionOf = (template: Json, name: string): Json => {
  const section = template[name];
  return isObject(section) ? section : {};
};

/**
 * The entries of `template` that `base` lacks or has otherwise, with everything that they refer to; undefined if there
 * are none.
 */
export function changedTemplate(template: Json, base: Json): Json | undefined {
  const kept: Record<string, Section> = Object.fromEntries(sections.map((name) => [name, {}]));
  let isChanged = false;
  const keep = (id: string): void => {
    for (const name of sections) {
      const entry = sectionOf(template, name)[id];
      const section = kept[name];
      if (entry === undefined || section === undefined || Object.hasOwn(section, id)) continue;
      section[id] = entry;
      for (const text of textsIn(entry)) for (const named of namesIn(text)) keep(named);
    }
  };
  for (const name of sections) {
    const before = sectionOf(base, name);
    for (const [id, entry] of Object.entries(sectionOf(template, name))) {
      if (JSON.stringify(entry) === JSON.stringify(before[id])) continue;
      isChanged = true;
      keep(id);
    }
  }
  if (!isChanged) return undefined;
  const rest = Object.entries(template).filter(([name]) => !sections.some((one) => one === name));
  const used = Object.entries(kept).filter(([, section]) => Object.keys(section).length > 0);
  return Object.fromEntries([...rest, ...used]);
}

/** All texts of an entry. References of every kind (Ref, Fn::GetAtt, Fn::If, DependsOn, Condition) are among them. */
function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (isObject(value)) for (const one of Object.values(value)) yield* textsIn(one);
}

/** Ids that a text is or contains: `Id`, `Id.Attribute`, or `${Id}` and `${Id.Attribute}` in Fn::Sub. */
const namesIn = (text: string): string[] => [
  ...(/^[A-Za-z0-9]+(?=\.|$)/.exec(text) ?? []),
  ...[...text.matchAll(/\$\{([A-Za-z0-9]+)[.}]/g)].flatMap(([, name]) => name ?? []),
];
