import { expect, test } from 'vitest';
import { noBids, recent } from './live';

const second = (requests: number, p99_us: number, no_bids: Record<string, number> = {}) => ({
  at: '2026-11-26T00:00:00Z', requests, answered: requests, bids: requests / 2, billed: 0, clicks: 0, impressions: 0, losses: 0, wins: 0, p50_us: 1, p99_us, no_bids,
});

test('the last minute alone counts', () => {
  const seconds = [...Array.from({ length: 60 }, () => second(1000, 9000)), ...Array.from({ length: 60 }, () => second(10, 500))];
  expect(recent(seconds)).toEqual({ requests: 10, bids: 5, p99us: 500 });
  expect(recent([])).toEqual({ requests: 0, bids: 0, p99us: 0 });
  expect(recent(null)).toEqual({ requests: 0, bids: 0, p99us: 0 });
});

test('reasons are summed, the most frequent first', () => {
  expect(noBids([second(1, 1, { budget: 2, no_match: 1 }), second(1, 1, { no_match: 3 })])).toEqual([{ reason: 'no_match', count: 4 }, { reason: 'budget', count: 2 }]);
});
