// The account that every test sees: made by the API, the same each time.

const START = '2026-01-01T00:00:00Z';
const END = '2036-01-01T00:00:00Z';
const UNIT = 1e9;

export async function build(node) {
  const agency = await node.api('POST', '/v1/agencies', { name: 'North Media', platform_fee_ppm: 100_000 });
  const acme = await node.api('POST', '/v1/advertisers', {
    agency_id: agency.id, name: 'Acme Motors', currency: 'USD', time_zone: 'America/New_York', domain: 'acme-motors.example',
    budget: { daily_nanos: 2000 * UNIT }, redirect_hosts: ['www.acme-motors.example'],
  });
  const fjord = await node.api('POST', '/v1/advertisers', {
    agency_id: agency.id, name: 'Blue Fjord Travel', currency: 'EUR', time_zone: 'Europe/Berlin', domain: 'blue-fjord.example', redirect_hosts: ['www.blue-fjord.example'],
  });
  const campaign = await node.api('POST', '/v1/campaigns', {
    advertiser_id: acme.id, name: 'SUV launch', start: START, end: END, budget: { daily_nanos: 500 * UNIT, lifetime_nanos: 90_000 * UNIT },
    frequency_caps: [{ max: 5, window: 'day', kind: 'calendar' }],
  });
  const creatives = [];
  for (const [w, h] of [[300, 250], [728, 90], [320, 50]]) {
    creatives.push(await node.api('POST', '/v1/creatives', {
      advertiser_id: acme.id, name: `SUV ${w}x${h}`, w, h, image_url: `https://cdn.example/suv-${w}x${h}.jpg`, landing_url: 'https://www.acme-motors.example/suv',
    }));
  }
  const line = await node.api('POST', '/v1/line-items', {
    campaign_id: campaign.id, name: 'Commuters, working hours', pricing: 'cpm', price_micros: 3_250_000, max_bid_micros: 2_750_000, pacing: 'even',
    budget: { daily_nanos: 120 * UNIT }, creative_ids: creatives.map((c) => c.id),
    targeting: {
      countries: { include: ['USA', 'CAN'] }, device_types: [4, 5], os: ['ios', 'android'], tags: { any_of: [['auto/suv', 'auto/cars']], none_of: ['list/customers'] },
      hours_of_week: [0, 1, 2, 3, 4].flatMap((d) => [7, 8, 9, 16, 17, 18].map((h) => d * 24 + h)), domains: { exclude: ['bad.example'] },
    },
  });
  const paused = await node.api('POST', '/v1/line-items', {
    campaign_id: campaign.id, name: 'Weekend buyers', status: 'paused', pricing: 'cpc', price_micros: 450_000, expected_ctr_ppm: 1200, max_bid_micros: 1_900_000,
    pacing: 'ahead', budget: { lifetime_nanos: 4000 * UNIT }, creative_ids: [creatives[0].id], targeting: {},
  });
  const later = await node.api('POST', '/v1/campaigns', { advertiser_id: fjord.id, name: 'Summer 2035', start: '2035-05-01T00:00:00Z', end: END, budget: { lifetime_nanos: 50_000 * UNIT } });
  return { agency, acme, fjord, campaign, creatives, line, paused, later };
}
