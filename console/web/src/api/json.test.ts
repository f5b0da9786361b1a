import { expect, test } from 'vitest';
import { parse, stringify } from './json';

test('money and long numbers are not rounded', () => {
  const got = parse('{"id":7,"price_micros":1250000,"budget":{"daily_nanos":9223372036854775807,"lifetime_nanos":0},"long":-9007199254740993,"s":"12345678901234567 \\"1","f":0.5,"late_nanos":"170141183460469231731687303715884105727","cut_micros":[1,2]}');
  expect(got).toEqual({
    id: 7, price_micros: 1_250_000n, budget: { daily_nanos: 9_223_372_036_854_775_807n, lifetime_nanos: 0n }, long: '-9007199254740993',
    s: '12345678901234567 "1', f: 0.5, late_nanos: 170141183460469231731687303715884105727n, cut_micros: [1n, 2n],
  });
});

test('what is sent has every digit', () => {
  expect(stringify({ a: 9_223_372_036_854_775_807n, b: [1, undefined, 'x"y'], c: undefined, d: null, e: { f: true } }))
    .toBe('{"a":9223372036854775807,"b":[1,null,"x\\"y"],"d":null,"e":{"f":true}}');
});
