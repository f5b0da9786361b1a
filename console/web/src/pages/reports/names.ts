// Names of the entities that rows know by their ids alone.

import { useQueries } from '@tanstack/react-query';
import { type Kind, listOptions } from '../../api/entities';
import { useLanguage } from '../../i18n/language';
import { countryName } from '../../values/countries';
import type { Dimension } from './report';

const KINDS: Partial<Record<Dimension, Kind>> = { advertiser: 'advertiser', campaign: 'campaign', line_item: 'line_item', creative: 'creative' };

// useNames returns what a value of a dimension is called by people.
export function useNames(by: Dimension[]): (d: Dimension, value: unknown) => string {
  const { language } = useLanguage();
  const asked = by.filter((d) => KINDS[d]);
  const lists = useQueries({ queries: asked.map((d) => ({ ...listOptions(KINDS[d]!), staleTime: 60_000 })) });
  const names = new Map(asked.map((d, i) => [d, new Map((lists[i]!.data as { id: number; name: string }[] | undefined)?.map((e) => [e.id, e.name]))]));
  return (d, value) => {
    if (value === undefined || value === null || value === '') return '–';
    if (d === 'country') return countryName(String(value), language);
    const name = names.get(d)?.get(Number(value));
    return name === undefined ? String(value) : `${name}`;
  };
}
