/** What requests can find out or do at one time, and what a change of the tables added to it. */

/**
 * What is possible for a record, by what it would mean if the writer of a table could bring it about. A request that is
 * refused adds no fact.
 */
export type Facts = Map<string, string>;
/** Facts by the record that they concern. */
export type FactsByRecord = Map<string, Facts>;

export function addFact(facts: FactsByRecord, record: string, effect: string, value: unknown): void {
  const known = facts.get(record) ?? new Map<string, string>();
  known.set(effect, JSON.stringify(value));
  facts.set(record, known);
}

/** One fact for each member of an object. All have the same effect. */
export function addMembers(facts: FactsByRecord, record: string, where: string, members: object): void {
  for (const [name, value] of Object.entries(members)) {
    addFact(facts, record, `${where}\0${name}`, value);
  }
}

/** Effects that are new or differ. What is no longer possible is a denial, which a writer can always cause. */
export function allowedEffects(before: Facts | undefined, after: Facts | undefined): Set<string> {
  const differing = [...(after ?? [])].filter(([effect, value]) => before?.get(effect) !== value);
  return new Set(differing.map(([effect]) => effect.split('\0')[0] ?? ''));
}
