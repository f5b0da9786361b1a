// The pages that are read: reports, delivery, history, the explainer, books, creatives,
// conversions and the operator's state. What they write is asked of the API.

import { PNG } from 'pngjs';
import { equal, truth, until } from './harness.mjs';

export const readingPages = [
  { name: 'reports', path: (w) => `/reports?range=today&by=day,line_item&zone=UTC&advertiser=${w.acme.id}`, sees: 'Commuters, all day' },
  { name: 'reports-empty', path: () => '/reports?from=2026-01-01&to=2026-01-02&by=day', sees: '', picture: true },
  { name: 'delivery', path: (w) => `/line-items/${w.wide.id}/delivery`, sees: 'Commuters, all day' },
  { name: 'history', path: () => '/history?kind=line_item&action=update', sees: '' },
  { name: 'explain', path: () => '/explain', sees: '', picture: true },
  { name: 'creatives', path: (w) => `/creatives?advertiser=${w.acme.id}`, sees: 'SUV 300x250', picture: true },
  { name: 'measurement', path: (w) => `/measurement?advertiser=${w.acme.id}`, sees: 'Test drives', picture: true },
  { name: 'operations', path: () => '/operations', sees: 'demo' },
  { name: 'ledger', path: (w) => `/ledger?advertiser=${w.acme.id}`, sees: 'Acme Motors' },
];

const request = (id) => ({
  id, tmax: 200, at: 1, cur: ['USD'], user: { id: `u${id}` },
  imp: [{ id: '1', bidfloor: 0.1, bidfloorcur: 'USD', secure: 1, banner: { w: 300, h: 250, format: [{ w: 300, h: 250 }] } }],
  site: { id: 's', domain: 'news.example', page: 'https://news.example/a', publisher: { id: 'p' } },
  device: { ua: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36', ip: '203.0.113.7', devicetype: 2, os: 'Windows', geo: { country: 'USA' } },
});

// traffic makes the world busy: a line item that bids, wins and is billed, so that
// reports and books have figures.
export async function traffic(node, w) {
  w.wide = await node.api('POST', '/v1/line-items', {
    campaign_id: w.campaign.id, name: 'Commuters, all day', pricing: 'cpm', price_micros: 3_250_000, max_bid_micros: 2_500_000, pacing: 'asap',
    budget: { daily_nanos: 100e9 }, creative_ids: w.creatives.map((c) => c.id), targeting: {},
  });
  await node.api('PATCH', `/v1/line-items/${w.wide.id}`, { max_bid_micros: 2_750_000 }, { 'If-Match': '*' });
  w.definition = await node.api('POST', '/v1/conversion-definitions', { advertiser_id: w.acme.id, name: 'Test drives', type: 'lead', model: 'linear', value: 'fixed', fixed_value_nanos: 25e9 });
  await node.ready();
  let bids = 0;
  await until(async () => {
    const answer = await fetch(`${node.bids}/openrtb2/demo`, {
      method: 'POST', headers: { 'Content-Type': 'application/json', 'x-openrtb-version': '2.6' }, body: JSON.stringify(request(`t${Date.now()}-${bids}`)),
    });
    if (answer.status !== 200) return false;
    const [bid] = (await answer.json()).seatbid.flatMap((s) => s.bid);
    const notices = [bid.nurl, bid.burl].filter(Boolean).map((u) => u.replaceAll('${AUCTION_PRICE}', String(bid.price)));
    for (const url of notices) await fetch(url);
    bids++;
    return bids >= 20;
  }, 'bids', 60_000);
  await until(async () => {
    const day = new Date().toISOString().slice(0, 10);
    const report = await node.api('GET', `/v1/reports?from=${day}&to=${day}&time_zone=UTC`);
    return report.rows?.[0]?.bids >= 20 && report.rows[0].wins >= 20;
  }, 'reports of them', 60_000);
}

// checkReadingPages looks at each page in every way that it is read. Figures of the
// running clock can't be compared: of those pages there are screenshots to look at.
export async function checkReadingPages(b, w) {
  const ways = [];
  for (const language of ['en', 'zh']) for (const view of ['desktop', 'phone']) ways.push({ language, view, scheme: 'light' });
  for (const view of ['desktop', 'phone']) ways.push({ language: 'en', view, scheme: 'dark' });
  for (const way of ways) {
    for (const picture of [true, false]) {
      await b.open({ ...way, clock: picture });
      for (const p of readingPages.filter((x) => Boolean(x.picture) === picture)) {
        const name = `${p.name}-${way.view}-${way.language}`;
        await b.check(`${way.language}, ${way.view}, ${way.scheme}: ${p.name}`, async () => {
          await b.go(p.path(w));
          if (p.sees) await b.page.getByText(p.sees).first().waitFor({ state: 'attached' });
          await b.accessible(p.name);
          if (picture && way.scheme === 'light') await b.picture(name);
          else await b.page.screenshot({ path: `${b.shots}/${name}-${way.scheme}.png`, fullPage: true });
        });
      }
    }
  }
}

// checkReading clicks what these pages write.
export async function checkReading(b, w, { language, view }) {
  const check = (name, run) => b.check(`${language}, ${view}: ${name}`, run);
  const { node } = b;

  await check('a change is undone', async () => {
    await node.api('PATCH', `/v1/line-items/${w.paused.id}`, { max_bid_micros: 1_234_500 }, { 'If-Match': '*' });
    await b.open({ view, language });
    await b.go(`/history?kind=line_item&entity_id=${w.paused.id}&action=update`);
    const first = b.page.locator('.change').first();
    truth((await first.textContent()).includes('1.2345'), 'the price as people write it');
    await first.getByRole('button').click();
    await b.accessible('the dialog of an undo');
    await b.page.locator('dialog .button.primary').click();
    await until(async () => (await node.api('GET', `/v1/line-items/${w.paused.id}`)).max_bid_micros === 1_900_000, 'the price before');
  });

  await check('an undo of what was changed since is refused, in words', async () => {
    await node.api('PATCH', `/v1/line-items/${w.paused.id}`, { max_bid_micros: 1_300_000 }, { 'If-Match': '*' });
    await b.go(`/history?kind=line_item&entity_id=${w.paused.id}&action=update`);
    await node.api('PATCH', `/v1/line-items/${w.paused.id}`, { max_bid_micros: 1_900_000 }, { 'If-Match': '*' });
    await b.page.locator('.change').first().getByRole('button').click();
    await b.page.locator('dialog .button.primary').click();
    await b.page.locator('dialog [role="alert"]').waitFor();
    equal((await node.api('GET', `/v1/line-items/${w.paused.id}`)).max_bid_micros, 1_900_000, 'the price');
  });

  await check('a request is explained; one that is none is refused beside its field', async () => {
    await b.go('/explain');
    await b.field('request').fill('{"id": 1');
    await b.page.locator('.button.primary').click();
    await b.page.locator('.field .error').waitFor();
    equal(await b.field('request').getAttribute('aria-invalid'), 'true', 'the field says that it is wrong');
    await b.page.locator('.panel > header .button').first().click();
    await b.page.locator('.button.primary').click();
    await b.page.getByText('Commuters, all day').first().waitFor();
    await b.accessible('an explanation');
  });

  await check('a brake is set and released', async () => {
    await b.go('/operations');
    const danger = b.page.locator('.panel .button.danger').first();
    await danger.click();
    const dialog = b.page.getByRole('dialog');
    await dialog.locator('.button.danger').click();
    await dialog.locator('.error').waitFor(); // without a reason
    await dialog.locator('[name="target"]').fill(String(w.paused.id));
    await dialog.locator('[name="reason"]').fill('a test of the console');
    await b.accessible('the dialog of a brake');
    await dialog.locator('.button.danger').click();
    await dialog.waitFor({ state: 'detached' });
    await until(async () => (await node.api('GET', '/v1/brakes')).items?.some((k) => k.target === w.paused.id), 'the brake');
    await b.page.getByText('a test of the console').waitFor();
    await b.accessible('a brake in force');
    await b.page.locator('.brakes-on .button').click();
    await dialog.locator('[name="reason"]').fill('the test is over');
    await dialog.locator('.button.primary').click();
    await until(async () => !(await node.api('GET', '/v1/brakes')).items?.length, 'no brake any more');
  });

  await check('a report is grouped, filtered, kept in the address and downloaded', async () => {
    await b.go(`/reports?range=today&zone=UTC&advertiser=${w.acme.id}`);
    // The box follows the address, which changes after the click.
    await b.page.locator('[name="by-exchange"]').click();
    await b.page.locator('[name="by-exchange"]:checked').waitFor();
    await b.page.getByRole('cell', { name: 'demo' }).first().waitFor();
    truth(new URL(b.page.url()).searchParams.get('by') === 'day,exchange', 'the address says how it is grouped');
    const file = b.page.waitForEvent('download');
    await b.page.locator('.page-actions .button').first().click();
    const text = await (await (await file).createReadStream()).toArray();
    truth(Buffer.concat(text).toString().includes('demo'), 'the rows are in the file');
    await b.page.reload();
    await b.page.getByRole('cell', { name: 'demo' }).first().waitFor();
  });

  await check('a view is saved and shared; the link is read without a sign-in, and ends', async () => {
    await b.go(`/reports?range=today&by=exchange&zone=UTC&advertiser=${w.acme.id}`);
    await b.page.locator('.views > .button').click();
    const dialog = b.page.getByRole('dialog');
    await dialog.locator('.button.primary').click();
    await dialog.locator('.error').waitFor(); // without a name
    await dialog.locator('[name="view-name"]').fill(`View ${language} ${view}`);
    await dialog.locator('.button.primary').click();
    await dialog.waitFor({ state: 'detached' });
    const saved = b.page.locator('.view', { hasText: `View ${language} ${view}` });
    await saved.getByRole('button').nth(1).click();
    await dialog.locator('.button.primary').click();
    const link = await dialog.locator('[name="link"]').inputValue();
    await b.accessible('the dialog of sharing');
    const guest = await b.browser.newContext({ viewport: b.page.viewportSize() });
    try {
      const page = await guest.newPage();
      await page.goto(link);
      await page.getByRole('cell', { name: 'demo' }).first().waitFor();
      equal(await page.locator('nav').count(), 0, 'menus of the shared page');
      await page.screenshot({ path: `${b.shots}/shared-${view}-${language}.png`, fullPage: true });
      await dialog.locator('.button.danger').first().click();
      await dialog.locator('.button.danger').first().waitFor({ state: 'detached' });
      await page.reload();
      await page.locator('.empty').waitFor();
    } finally {
      await guest.close();
    }
    await dialog.locator('.button.quiet').click();
    await saved.getByRole('button').nth(2).click();
    await saved.waitFor({ state: 'detached' });
  });

  await check('a file is uploaded and becomes a creative; what is wrong is said beside its field', async () => {
    await b.go(`/creatives?advertiser=${w.acme.id}`);
    await b.page.locator('.page-actions .button.primary').click();
    const dialog = b.page.getByRole('dialog');
    const add = dialog.locator('.button.primary');
    await add.click();
    await dialog.locator('.error').waitFor(); // no file yet
    await dialog.locator('[name="file"]').setInputFiles({ name: 'no image.png', mimeType: 'image/png', buffer: Buffer.from('<svg><script>alert(1)</script></svg>') });
    await add.click();
    await until(async () => (await dialog.locator('[name="file"]').getAttribute('aria-invalid')) === 'true', 'the file to be refused');
    truth(!/choose/i.test(await dialog.locator('.error').first().textContent()), 'the reason is the server’s');
    await dialog.locator('[name="file"]').setInputFiles({ name: 'banner.png', mimeType: 'image/png', buffer: image(300, 250) });
    await dialog.locator('[name="name"]').fill(`Uploaded ${language} ${view}`);
    await dialog.locator('[name="landing_url"]').fill('https://elsewhere.example/');
    await add.click();
    await until(async () => (await dialog.locator('[name="landing_url"]').getAttribute('aria-invalid')) === 'true', 'the landing page to be refused');
    await b.accessible('the dialog of an upload');
    await dialog.locator('[name="landing_url"]').fill('https://www.acme-motors.example/suv');
    await add.click();
    await dialog.waitFor({ state: 'detached' });
    const made = (await node.api('GET', `/v1/creatives?advertiser_id=${w.acme.id}&limit=1000`)).items.find((c) => c.name === `Uploaded ${language} ${view}`);
    equal([made?.w, made?.h, Boolean(made?.asset_id)], [300, 250, true], 'the creative');
    await b.page.getByText(`Uploaded ${language} ${view}`).first().waitFor();
  });

  await check('an exchange’s review is kept', async () => {
    await b.page.locator('.creative .button').first().click();
    const dialog = b.page.getByRole('dialog');
    await dialog.locator('[name="status"]').selectOption('rejected');
    await dialog.locator('[name="reason"]').fill('');
    await dialog.locator('.button.primary').click();
    await dialog.locator('.error').waitFor(); // without a reason
    await dialog.locator('[name="reason"]').fill('the logo is too small');
    await b.accessible('the dialog of a review');
    await dialog.locator('.button.primary').click();
    await dialog.waitFor({ state: 'detached' });
    await b.page.getByText('the logo is too small').first().waitFor();
  });

  await check('a conversion definition is made and changed', async () => {
    await b.go(`/measurement?advertiser=${w.acme.id}`);
    await b.page.locator('.panel .button.primary').first().click();
    const dialog = b.page.getByRole('dialog');
    await dialog.locator('[name="name"]').fill(`Orders ${language} ${view}`);
    await dialog.locator('[name="type"]').fill('Not A Type');
    await dialog.locator('.button.primary').click();
    await until(async () => (await dialog.locator('[name="type"]').getAttribute('aria-invalid')) === 'true', 'the type to be refused');
    await dialog.locator('[name="type"]').fill(`order-${language}-${view}`);
    await dialog.locator('[name="model"]').selectOption('shapley');
    await b.accessible('the dialog of a definition');
    await dialog.locator('.button.primary').click();
    await dialog.waitFor({ state: 'detached' });
    const found = async () => (await node.api('GET', `/v1/conversion-definitions?advertiser_id=${w.acme.id}`)).items.find((d) => d.name === `Orders ${language} ${view}`);
    equal([(await found()).type, (await found()).model], [`order-${language}-${view}`, 'shapley'], 'the definition');
    await b.page.getByRole('row', { name: new RegExp(`Orders ${language} ${view}`) }).getByRole('button').click();
    await dialog.locator('[name="value"]').selectOption('fixed');
    await dialog.locator('[name="fixed_value_nanos"]').fill('12.5');
    await dialog.locator('.button.primary').click();
    await until(async () => (await found()).fixed_value_nanos === 12_500_000_000, 'the value');
  });

  await check('attribution of a past window is computed', async () => {
    await b.go(`/measurement?advertiser=${w.acme.id}`);
    const panel = b.page.locator('.panel', { has: b.page.locator('[name="definition"]') });
    await panel.locator('[name="model"]').selectOption('linear');
    await panel.locator('.button.primary').click();
    await panel.locator('section h3').first().waitFor();
    truth((await node.api('GET', `/v1/attribution-runs?advertiser_id=${w.acme.id}`)).runs.length > 0, 'the run');
  });
}

// image is a PNG of one color.
function image(width, height) {
  const png = new PNG({ width, height });
  png.data.fill(0xcc);
  return PNG.sync.write(png);
}
