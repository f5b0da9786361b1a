// What a person writes, by clicks and keys in a real browser; what became of it is
// asked of the API. Fields are found by name, so that both languages run the same.

import { equal, truth, until } from './harness.mjs';

const submit = (b) => b.page.locator('.save-bar button[type="submit"]').click();

// saved waits until the address is that of an entity, and returns its id.
const idAt = async (b, kind) => {
  await b.page.waitForURL(new RegExp(`/${kind}/\\d+$`));
  return Number(b.page.url().split('/').pop());
};

export async function checkWrites(b, world, { language, view }) {
  const check = (name, run) => b.check(`${language}, ${view}: ${name}`, run);
  const { node } = b;
  const tag = `${language} ${view}`;
  let agency;
  let advertiser;
  let campaign;
  let line;

  await check('an agency is made and changed', async () => {
    await b.open({ view, language });
    await b.go('/agencies/new');
    await b.field('name').fill(`Agency ${tag}`);
    await b.field('platform_fee_ppm').fill('7.5');
    await submit(b);
    agency = await idAt(b, 'agencies');
    equal((await node.api('GET', `/v1/agencies/${agency}`)).platform_fee_ppm, 75_000, 'fee');
    await b.field('name').fill(`Agency ${tag}, renamed`);
    await submit(b);
    await until(async () => (await node.api('GET', `/v1/agencies/${agency}`)).name === `Agency ${tag}, renamed`, 'the new name');
  });

  await check('an advertiser is made; what is wrong is said beside its field', async () => {
    await b.go(`/advertisers/new?agency=${agency}`);
    await b.field('name').fill(`Advertiser ${tag}`);
    await b.field('domain').fill('not a domain');
    await b.field('currency').selectOption('EUR');
    await b.field('time_zone').selectOption('Asia/Shanghai');
    await b.field('budget.daily_nanos').fill('1,234.000000001');
    await submit(b);
    await b.page.locator('.form-errors').waitFor();
    const field = b.field('domain');
    equal(await field.getAttribute('aria-invalid'), 'true', 'the field says that it is wrong');
    const about = (await field.getAttribute('aria-describedby')).split(' ').pop();
    truth((await b.page.locator(`[id="${about}"]`).textContent()).includes('must be'), 'the rule beside the field');
    equal(await b.field('name').inputValue(), `Advertiser ${tag}`, 'what was typed');
    await field.fill('example.com');
    await b.field('redirect_hosts').fill('https://www.example.com/path');
    await b.field('redirect_hosts').press('Enter');
    await submit(b);
    advertiser = await idAt(b, 'advertisers');
    const a = await node.api('GET', `/v1/advertisers/${advertiser}`);
    equal([a.agency_id, a.currency, a.time_zone, a.budget.daily_nanos, a.redirect_hosts], [agency, 'EUR', 'Asia/Shanghai', 1_234_000_000_001, ['www.example.com']], 'advertiser');
  });

  await check('a campaign with a flight and a cap', async () => {
    await b.go(`/campaigns/new?advertiser=${advertiser}`);
    await b.field('name').fill(`Campaign ${tag}`);
    await b.field('start').fill('2026-12-01T00:00');
    await b.field('end').fill('2027-01-01T00:00');
    await b.field('budget.lifetime_nanos').fill('5000');
    await b.page.locator('section', { has: b.page.getByRole('heading', { name: /Flights|排期/ }) }).getByRole('button').last().click();
    await b.field('flights[0].budget_nanos').fill('100.5');
    await b.page.locator('section', { has: b.page.getByRole('heading', { name: /Frequency|频次/ }) }).getByRole('button').last().click();
    await b.field('frequency_caps[0].max').fill('4');
    await submit(b);
    campaign = await idAt(b, 'campaigns');
    const c = await node.api('GET', `/v1/campaigns/${campaign}`);
    equal([c.start, c.end, c.budget.lifetime_nanos], ['2026-11-30T16:00:00Z', '2026-12-31T16:00:00Z', 5_000_000_000_000], 'the clock of Shanghai');
    equal([c.flights[0].budget_nanos, c.frequency_caps[0].max, c.frequency_caps[0].window], [100_500_000_000, 4, 'day'], 'flight and cap');
    // Not only made: changed, and taken away.
    await b.page.locator('fieldset.conflict', { has: b.field('flights[0].start') }).getByRole('button').click();
    await submit(b);
    await until(async () => !(await node.api('GET', `/v1/campaigns/${campaign}`)).flights, 'no flight any more');
  });

  await check('a line item: price, targeting in words, schedule by keys', async () => {
    await b.go(`/line-items/new?campaign=${campaign}`);
    await b.field('name').fill(`Line ${tag}`);
    await b.field('price_micros').fill('2.123456');
    await b.field('max_bid_micros').fill('1.9');
    await b.field('budget.daily_nanos').fill('10.5.0');
    await submit(b);
    equal(await b.field('budget.daily_nanos').getAttribute('aria-invalid'), 'true', 'an amount that is none');
    await b.field('budget.daily_nanos').fill('10.50');
    await b.page.locator('details.dimension summary', { hasText: /Places|地域/ }).click();
    await b.field('targeting.countries.include').fill('deu, fra');
    await b.field('targeting.countries.include').press('Enter');
    const inWords = b.page.locator('.in-words');
    await inWords.getByText(language === 'zh' ? /德国/ : /Germany or France/).waitFor();
    await b.page.locator('[data-hour="9"]').focus();
    await b.page.keyboard.press('Space');
    await b.page.keyboard.press('ArrowRight');
    await b.page.keyboard.press('Space');
    await submit(b);
    line = await idAt(b, 'line-items');
    const l = await node.api('GET', `/v1/line-items/${line}`);
    equal([l.status, l.price_micros, l.max_bid_micros, l.budget.daily_nanos], ['paused', 2_123_456, 1_900_000, 10_500_000_000], 'line item');
    equal([l.targeting.countries.include, l.targeting.hours_of_week.length, l.targeting.hours_of_week.includes(10)], [['DEU', 'FRA'], 166, false], 'targeting');
  });

  await check('another pricing model drops the terms of the one before', async () => {
    await b.go(`/line-items/${line}`);
    await b.field('pricing').selectOption('dcpm');
    await b.field('markup_ppm').fill('15');
    await submit(b);
    await until(async () => (await node.api('GET', `/v1/line-items/${line}`)).pricing === 'dcpm', 'dynamic CPM');
    const l = await node.api('GET', `/v1/line-items/${line}`);
    equal([l.price_micros, l.markup_ppm], [0, 150_000], 'terms');
  });

  await check('an active line item needs a creative: the refusal is shown, nothing is lost', async () => {
    await b.page.locator('.page-actions .button.primary').click();
    await b.page.getByRole('alert').filter({ hasText: 'creative_ids' }).waitFor();
    await b.page.locator('dialog .button').click();
    equal((await node.api('GET', `/v1/line-items/${line}`)).status, 'paused', 'status');
  });

  await check('pause, activate, duplicate, archive', async () => {
    const id = world.line.id;
    await b.go(`/line-items/${id}`);
    await b.page.locator('.page-actions .button:not(.danger)').last().click();
    await until(async () => (await node.api('GET', `/v1/line-items/${id}`)).status === 'paused', 'paused');
    await b.page.locator('.page-actions .button.primary').click();
    await until(async () => (await node.api('GET', `/v1/line-items/${id}`)).status === 'active', 'active');
    await b.page.locator('.page-actions a.button').first().click();
    await b.page.waitForURL(/copy=/);
    await b.field('name').fill(`Copy ${tag}`);
    await submit(b);
    const copy = await idAt(b, 'line-items');
    const [was, now] = [await node.api('GET', `/v1/line-items/${id}`), await node.api('GET', `/v1/line-items/${copy}`)];
    equal([now.status, now.targeting, now.creative_ids, now.price_micros], ['paused', was.targeting, was.creative_ids, was.price_micros], 'the copy');
    await b.page.locator('.page-actions .button.danger').click();
    await b.page.locator('dialog .button.danger').click();
    await until(async () => (await node.api('GET', `/v1/line-items/${copy}`)).status === 'archived', 'archived');
  });
}

// What must not be lost, whatever happens while somebody types.
export async function checkNothingIsLost(b, world) {
  const { node } = b;
  const path = `/campaigns/${world.later.id}`;
  const patch = async (body) => node.api('PATCH', `/v1${path}`, body, { 'If-Match': '*' });

  await b.check('an expired session asks again over the form, and then saves', async () => {
    const key = await node.api('POST', '/v1/api-keys', { name: 'for a while', role: 'operator' });
    await b.open({ key: key.key });
    await b.go(path);
    await b.field('name').fill('Typed before the session ended');
    await node.api('DELETE', `/v1/api-keys/${key.id}`);
    await submit(b);
    const dialog = b.page.getByRole('dialog');
    await dialog.waitFor();
    await b.accessible('the dialog over a form');
    equal(await b.field('name').inputValue(), 'Typed before the session ended', 'what was typed');
    await dialog.locator('input[type="password"]').fill('bhk_wrong');
    await dialog.locator('button[type="submit"]').click();
    await dialog.locator('.error').waitFor();
    await dialog.locator('input[type="password"]').fill(node.key);
    await dialog.locator('button[type="submit"]').click();
    await dialog.waitFor({ state: 'detached' });
    await until(async () => (await node.api('GET', `/v1${path}`)).name === 'Typed before the session ended', 'the name is saved without another click');
  });

  await b.check('changes of other fields by somebody else stay', async () => {
    await b.open();
    await b.go(path);
    await b.field('name').fill('Mine');
    await patch({ budget: { daily_nanos: 7_000_000_000 } });
    await submit(b);
    await until(async () => (await node.api('GET', `/v1${path}`)).name === 'Mine', 'my name');
    equal((await node.api('GET', `/v1${path}`)).budget.daily_nanos, 7_000_000_000, 'their budget');
  });

  await b.check('a conflict shows both versions, and saves what is chosen field by field', async () => {
    await b.go(path);
    await b.field('name').fill('Mine again');
    await b.field('budget.daily_nanos').fill('9');
    await patch({ name: 'Theirs', budget: { daily_nanos: 8_000_000_000 } });
    await submit(b);
    const dialog = b.page.getByRole('dialog');
    await dialog.getByText('Mine again').waitFor();
    await dialog.getByText('Theirs', { exact: true }).last().waitFor();
    await dialog.getByText('8.00 EUR').waitFor();
    await b.accessible('a conflict');
    await b.picture('conflict-desktop-en');
    await dialog.locator('input[name="budget.daily_nanos"]').last().check();
    await dialog.locator('.button.primary').click();
    await until(async () => (await node.api('GET', `/v1${path}`)).name === 'Mine again', 'my name');
    equal((await node.api('GET', `/v1${path}`)).budget.daily_nanos, 8_000_000_000, 'their budget, as chosen');
  });

  await b.check('what was typed survives a reload, and leaving asks first', async () => {
    await b.go(path);
    await b.field('name').fill('Not yet saved');
    await b.page.locator('.crumbs a').first().click();
    const dialog = b.page.getByRole('dialog');
    await dialog.waitFor();
    await dialog.locator('.button.primary').click();
    b.page.once('dialog', (d) => d.accept());
    await b.page.reload();
    await b.settled();
    equal(await b.field('name').inputValue(), 'Not yet saved', 'after a reload');
    await b.page.locator('.save-bar .button.quiet').click();
    equal(await b.field('name').inputValue(), 'Mine again', 'after discarding');
  });

  await b.check('a session of user and password', async () => {
    const user = await node.api('POST', '/v1/users', { email: 'ann@example.com', name: 'Ann', role: 'viewer', agency_id: world.agency.id, password: 'correct horse battery' }).catch((e) => e);
    truth(!(user instanceof Error), `the user is made: ${user.message}`);
    await b.open({ key: '' });
    await b.page.locator('input[type="email"]').fill('ann@example.com');
    await b.page.locator('input[type="password"]').fill('wrong');
    await b.page.locator('button[type="submit"]').click();
    await b.page.locator('.error').waitFor();
    await b.page.locator('input[type="password"]').fill('correct horse battery');
    await b.page.locator('button[type="submit"]').click();
    await b.page.locator('.tree').waitFor();
    equal(await b.page.locator('.page-actions a').count(), 0, 'a viewer is offered nothing to change');
    await b.go(`/line-items/${world.line.id}`);
    truth(await b.field('name').isDisabled(), 'a viewer types nothing');
    await b.page.reload();
    await b.settled();
    await b.field('name').waitFor(); // still signed in: by the cookie
    await b.page.locator('.who .button').click();
    await b.page.locator('input[type="email"]').waitFor();
  });

  await b.check('by keyboard alone: skip link, menu, a toggle of the tree', async () => {
    await b.open();
    await b.settled();
    await b.page.keyboard.press('Tab');
    equal(await b.page.evaluate(() => document.activeElement.className), 'skip', 'the first stop');
    await b.page.keyboard.press('Enter');
    equal(await b.page.evaluate(() => document.activeElement.id), 'main', 'the content');
    const twist = b.page.locator('.twist').first();
    await twist.focus();
    await b.page.keyboard.press('Enter');
    equal(await twist.getAttribute('aria-expanded'), 'false', 'closed');
    await b.page.keyboard.press('Enter');
    equal(await twist.getAttribute('aria-expanded'), 'true', 'open');
  });

  await b.check('language and theme are kept', async () => {
    await b.page.locator('.switch select').first().selectOption('zh');
    await b.page.getByRole('heading', { name: '账户' }).waitFor();
    await b.page.locator('.switch select').last().selectOption('dark');
    await b.page.reload();
    await b.page.getByRole('heading', { name: '账户' }).waitFor();
    equal(await b.page.evaluate(() => [document.documentElement.dataset.theme, document.documentElement.lang]), ['dark', 'zh-Hans'], 'kept');
  });
}
