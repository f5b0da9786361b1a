import type { Campaign, LineItem } from '../../api/entities';
import type { Plain } from '../../form/patch';

// fresh is a new line item: paused, as nothing should spend before it was looked at.
export function fresh(c: Campaign): Plain {
  return {
    campaign_id: c.id, name: '', status: 'paused', pricing: 'cpm', price_micros: 0n, max_bid_micros: 0n, pacing: 'even',
    budget: { daily_nanos: 0n, lifetime_nanos: 0n }, targeting: {}, creative_ids: [],
  };
}

// copyOf is l once more in c, paused. Its own dates and flights stay behind where the
// campaign is another one.
export function copyOf(l: LineItem, c: Campaign): Plain {
  const { id: _id, revision: _revision, created_at: _created, updated_at: _updated, external_id: _external, ...rest } = l;
  const { start: _start, end: _end, flights: _flights, ...undated } = rest;
  return { ...(l.campaign_id === c.id ? rest : undated), campaign_id: c.id, status: 'paused' };
}

// The terms that each pricing model needs and takes, as the API's rules have them.
export const TERMS: Record<string, string[]> = {
  cpm: ['price_micros'],
  dcpm: ['markup_ppm'],
  vcpm: ['price_micros', 'expected_view_rate_ppm', 'learning_budget_nanos'],
  cpcv: ['price_micros', 'expected_completion_rate_ppm', 'learning_budget_nanos'],
  cpc: ['price_micros', 'expected_ctr_ppm', 'learning_budget_nanos'],
  cpa: ['price_micros', 'expected_ctr_ppm', 'expected_cvr_ppm', 'learning_budget_nanos', 'conversion_delay_hours'],
  cps: ['sale_share_ppm', 'expected_ctr_ppm', 'expected_cvr_ppm', 'expected_sale_nanos', 'learning_budget_nanos', 'conversion_delay_hours'],
  cpd: ['price_micros'],
};

const ALL = [...new Set(Object.values(TERMS).flat())];

// withoutForeignTerms takes away what the chosen model has no use for, such as the
// price of a model that was chosen before: the API refuses it.
export function withoutForeignTerms(v: Plain): Plain {
  const keep = TERMS[String(v.pricing)] ?? ALL;
  const out = { ...v };
  for (const term of ALL) {
    if (keep.includes(term) || !out[term]) continue;
    out[term] = typeof out[term] === 'bigint' ? 0n : 0;
  }
  return out;
}
