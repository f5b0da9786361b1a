import { expect, test } from 'vitest';
import { fromQuery, queryOf, queryText, read, write } from './state';

const now = new Date('2026-11-26T12:00:00Z');

test('an address says what is shown, and is written the same again', () => {
  for (const text of ['range=yesterday&by=exchange%2Csite', 'from=2026-11-01&to=2026-11-05&by=&metrics=charge%2Cecpm&campaign=3%2C4&zone=Asia%2FShanghai']) {
    expect(write(read(new URLSearchParams(text), now)).toString()).toBe(text);
  }
});

test('what an address says wrongly is as at first', () => {
  const s = read(new URLSearchParams('range=ever&by=day,colour&metrics=luck&from=x'), now);
  expect([s.range, s.from, s.to, s.by, s.metrics.length]).toEqual(['last_7_days', '2026-11-20', '2026-11-26', ['day'], 9]);
});

test('a filter without a value asks nothing', () => {
  expect(queryOf(read(new URLSearchParams('from=2026-11-01&to=2026-11-02&by=day&site=&deal=a,b'), now))).toEqual({ from: '2026-11-01', to: '2026-11-02', group_by: ['day'], deal: ['a', 'b'] });
});

test('a saved view is the same question again', () => {
  for (const text of ['range=yesterday&by=exchange%2Csite', 'from=2026-11-01&to=2026-11-05&by=&metrics=charge%2Cecpm&campaign=3%2C4&zone=Asia%2FShanghai']) {
    const s = read(new URLSearchParams(text), now);
    expect(fromQuery(queryText(s), now)).toEqual(s);
  }
  expect(queryText(read(new URLSearchParams('range=today&by=day&deal=a,b'), now))).toBe('range=today&group_by=day&deal=a&deal=b');
});
