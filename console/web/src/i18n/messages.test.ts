import { expect, test } from 'vitest';
import { every, fill } from './messages';

// Loading a module declares its words.
const modules = import.meta.glob(['../**/*.ts', '../**/*.tsx', '!../**/*.test.ts', '!../main.tsx', '!../app/App.tsx', '!../api/schema.d.ts', '!../ui/uplot.tsx'], { eager: true });

const placeholders = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]!))].sort();

test('both languages say everything, with the same values', () => {
  expect(Object.keys(modules).length).toBeGreaterThan(30);
  expect(every.length).toBeGreaterThan(20);
  for (const m of every) {
    expect(Object.keys(m.zh).sort()).toEqual(Object.keys(m.en).sort());
    for (const [key, en] of Object.entries(m.en)) {
      const zh = m.zh[key]!;
      expect(zh.trim(), key).not.toBe('');
      expect(placeholders(zh), `${key}: ${en}`).toEqual(placeholders(en));
    }
  }
});

test('fill', () => {
  expect(fill('{n} day|{n} days', { n: 1 })).toBe('1 day');
  expect(fill('{n} day|{n} days', { n: 2 })).toBe('2 days');
  expect(fill('{a} and {b}', { a: 'x' })).toBe('x and {b}');
});
