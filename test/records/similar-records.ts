/** Pairs of random records that a MAC over a part of their fields, or over their joined text, does not tell apart. */
import fc from 'fast-check';

/** So short and of so few characters that two are often equal, or become equal when they are joined to others. */
export const shortText = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 2 });

/** Two records that differ in at most two members. A member can exist in one record only. */
export const similar = <T extends object>(all: fc.Arbitrary<T>): fc.Arbitrary<[T, T]> =>
  fc.tuple(all, all).chain(([one, other]) =>
    fc.subarray(Object.keys({ ...one, ...other }), { maxLength: 2 }).map((changed): [T, T] => {
      const kept = Object.entries(one).filter(([name]) => !changed.includes(name));
      const replaced = Object.entries(other).filter(([name]) => changed.includes(name));
      return [one, Object.fromEntries([...kept, ...replaced]) as T];
    }),
  );

/**
 * Two records of which one has the last character of a text at the start of the next text instead. Texts are members
 * and entries of lists, in the order of the members.
 */
export const shifted = <T extends object>(all: fc.Arbitrary<T>): fc.Arbitrary<[T, T]> =>
  fc.tuple(all, fc.nat(10)).map(([one, source]): [T, T] => {
    let index = 0;
    let moved = '';
    const other: T = JSON.parse(JSON.stringify(one), (_, value) => {
      if (typeof value !== 'string') return value;
      const text = moved + value;
      moved = index++ === source ? text.slice(-1) : '';
      return text.slice(0, text.length - moved.length);
    });
    return [one, other];
  });
