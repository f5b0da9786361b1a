// What was typed and not saved survives a reload, a crash and a sign-in that leaves
// the page: it is kept in the tab's storage until it is saved or thrown away.

import { parse, stringify } from '../api/json';
import type { Plain } from './patch';

export interface Draft {
  at: number; // Unix milliseconds
  base: Plain;
  value: Plain;
  etag: string;
}

const name = (key: string) => `bidhawk.draft.${key}`;

export function keep(key: string, d: Draft) {
  try {
    sessionStorage.setItem(name(key), stringify(d));
  } catch {
    // Storage is full or forbidden: it lasts as long as the page.
  }
}

export function kept(key: string): Draft | undefined {
  try {
    const text = sessionStorage.getItem(name(key));
    return text ? (parse(text) as Draft) : undefined;
  } catch {
    return undefined;
  }
}

export function drop(key: string) {
  try {
    sessionStorage.removeItem(name(key));
  } catch {
    // There was nothing to drop.
  }
}
