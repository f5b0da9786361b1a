import { expect, test } from 'vitest';
import { at, diff, equal, merge, type Plain, put } from './patch';

const isObject = (v: unknown): v is Plain => typeof v === 'object' && v !== null && !Array.isArray(v);

// apply is RFC 7396, section 2.
function apply(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const out: Plain = isObject(target) ? { ...target } : {};
  for (const [k, v] of Object.entries(patch)) {
    if (v === null) delete out[k];
    else out[k] = apply(out[k], v);
  }
  return out;
}

test('a merge patch makes of the base what was typed', () => {
  const base = { id: 1, name: 'a', budget: { daily_nanos: 5n, lifetime_nanos: 0n }, targeting: { countries: { include: ['USA'] }, os: ['ios'] }, flights: [1, 2] };
  const typed = { id: 1, name: 'b', budget: { daily_nanos: 5n, lifetime_nanos: 7n }, targeting: { countries: {}, os: ['ios', 'android'] }, flights: [2] };
  const patch = diff(base, typed);
  expect(patch).toEqual({ name: 'b', budget: { lifetime_nanos: 7n }, targeting: { countries: { include: null }, os: ['ios', 'android'] }, flights: [2] });
  expect(equal(apply(base, patch), typed)).toBe(true);
  expect(diff(base, { ...base, revision: 9 })).toBeUndefined();
});

test('any two entities', () => {
  let seed = 1;
  const random = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n;
  const make = (depth: number): unknown => {
    if (depth > 0 && random(2)) return Object.fromEntries(['a', 'b', 'c'].filter(() => random(3) > 0).map((k) => [k, make(depth - 1)]));
    return [1n, 'x', [1], [1, 2], true][random(5)];
  };
  for (let i = 0; i < 1000; i++) {
    const [base, mine, theirs] = [0, 0, 0].map(() => ({ top: make(3), other: make(2) }) as Plain) as [Plain, Plain, Plain];
    expect(equal(apply(base, diff(base, mine) ?? {}), mine)).toBe(true);
    // Changes of one side alone go through untouched.
    expect(equal(merge(base, mine, base).merged, mine)).toBe(true);
    expect(equal(merge(base, base, theirs).merged, theirs)).toBe(true);
    expect(merge(base, mine, mine).conflicts).toEqual([]);
  }
});

test('two people', () => {
  const base = { id: 1, revision: 1, name: 'a', budget: { daily_nanos: 1n, lifetime_nanos: 1n } };
  const mine = { ...base, name: 'mine', budget: { daily_nanos: 2n, lifetime_nanos: 1n } };
  const theirs = { ...base, revision: 2, name: 'theirs', budget: { daily_nanos: 1n, lifetime_nanos: 3n } };
  const got = merge(base, mine, theirs);
  expect(got.merged).toEqual({ id: 1, revision: 2, name: 'mine', budget: { daily_nanos: 2n, lifetime_nanos: 3n } });
  expect(got.conflicts).toEqual([{ path: 'name', base: 'a', mine: 'mine', theirs: 'theirs' }]);
});

test('paths', () => {
  const v = { targeting: { tags: { any_of: [['a'], ['b']] } } };
  expect(at(v, 'targeting.tags.any_of[1]')).toEqual(['b']);
  expect(put(v, 'targeting.tags.any_of[1]', ['c'])).toEqual({ targeting: { tags: { any_of: [['a'], ['c']] } } });
  expect(put({}, 'budget.daily_nanos', 1n)).toEqual({ budget: { daily_nanos: 1n } });
  expect(put({ a: 1 }, 'a', undefined)).toEqual({});
});
