// Checks the console in a real browser against the test server. Run it by
// scripts/console-test, which brings what it needs.
//
//   node check.mjs SERVER_BINARY BROWSER SCREENSHOT_DIR

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { Bench, equal, truth } from './browser.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const [server, browser, shots] = process.argv.slice(2);
const b = await Bench.start({ server, browser, shots });
const { page } = b;
const SIZES = { desktop: { width: 1440, height: 900 }, laptop: { width: 1024, height: 768 }, phone: { width: 390, height: 844 } };

// The pure modules, in the engine that runs them.
await b.check('money is exact', async () => {
  await b.open('normal');
  const got = await page.evaluate(async () => {
    const m = await import('/live/money.js');
    const doc = m.parseJSON('{"a":9223372036854775807,"b":[-9007199254740993],"s":"12345678901234567 \\"1","f":0.12345678901234567,"n":15}');
    return {
      a: String(m.nanos(doc.a)), b: doc.b[0], s: doc.s, f: doc.f, n: doc.n,
      exact: [0n, 1n, -1n, 1_230_000_000n, 1_000_000_001n, 9223372036854775807n].map(m.exact),
      rounded: [0n, 1n, -1n, 49_999n, 50_000n, 465_000_000n, 1_005_000_000n, 1_004_999_999n, -12_345_678_901n, 999_999_999n].map(m.rounded),
      share: [m.share(1n, 4n), m.share(1n, 0n), m.share(9223372036854775807n, 9223372036854775807n)],
    };
  });
  equal(got, {
    a: '9223372036854775807', b: '-9007199254740993', s: '12345678901234567 "1', f: 0.12345678901234567, n: 15,
    exact: ['0.00', '0.000000001', '−0.000000001', '1.23', '1.000000001', '9,223,372,036.854775807'],
    rounded: ['0.00', '<0.0001', '>−0.0001', '<0.0001', '0.0001', '0.4650', '1.01', '1.00', '−12.35', '1.0000'],
    share: [0.25, 0, 1],
  }, 'money.js');
});

await b.check('the key leaves the address and stays in the tab', async () => {
  await b.open('normal');
  equal(new URL(page.url()).hash, '', 'the address');
  equal(await page.evaluate(() => [sessionStorage['bidhawk.key'], document.cookie]), ['bhk_testserver', ''], 'storage');
  await page.reload();
  await b.sees('#headline', 'Ready and bidding');
});

// Every state of a server: what it says, on every width, in both themes.
const STATES = {
  normal: ['Ready and bidding', 'Yes', 'Yes', 'Yes'],
  fresh: ['Ready', 'Unknown', 'Unknown', 'Yes'],
  young: ['Ready and bidding', 'Yes', 'Yes', 'Yes'],
  notready: ['Not ready', 'No', 'Unknown', 'Yes'],
  quiet: ['Ready, no requests', 'No', 'Unknown', 'Yes'],
  nobids: ['Ready, not bidding', 'No', 'Yes', 'Yes'],
  slow: ['Too slow', 'Yes', 'Too slow', 'Yes'],
  killed: ['Kill switch is on', 'No', 'Yes', 'Yes'],
  runaway: ['Ready and bidding', 'Yes', 'Yes', 'Yes'],
  braked: ['Ready and bidding', 'Yes', 'Yes', 'Yes'],
  stopped: ['1 ledger partition has stopped', 'Yes', 'Yes', 'Stopped'],
  still: ['Counters stand still', 'Unknown', 'Unknown', 'Unknown'],
  many: ['Ready and bidding', 'Yes', 'Yes', 'Yes'],
  odd: ['A budget is passed', 'Yes', 'Slow', 'No'],
};
for (const [scenario, [headline, ...answers]] of Object.entries(STATES)) {
  await b.check(`${scenario}: says "${headline}"`, async () => {
    await page.setViewportSize(SIZES.desktop);
    await page.emulateMedia({ colorScheme: 'dark' });
    await b.open(scenario);
    await b.sees('#headline', headline);
    equal(await page.locator('#verdicts .answer span:last-child').allTextContents(), answers, 'the three questions');
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      for (const colorScheme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme });
        await accessible();
        await b.shot(`${scenario}-${size}-${colorScheme}`);
      }
      const [has, fits] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      truth(has <= fits, `${size}: the page is ${has} px wide in a window of ${fits}`);
    }
    await b.shot(`${scenario}-phone-whole`, true);
  });
}

async function accessible() {
  // By evaluate, as the page's policy rightly takes no script from us.
  const found = await page.evaluate(`${axe}; axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] })`);
  const said = found.violations.map((v) => `${v.id} (${v.nodes.length}): ${v.nodes[0].html.slice(0, 120)} ${v.nodes[0].any[0]?.message ?? ''}`);
  truth(said.length === 0, `accessibility: ${said.join('; ')}`);
}

await b.check('names are text, never markup', async () => {
  await page.setViewportSize(SIZES.desktop);
  await b.open('odd');
  await b.sees('.name', '<img src=x');
  equal(await page.locator('#lines img').count(), 0, 'images in the table');
  truth(!(await page.title()).includes('owned'), 'a name ran as a script');
});

await b.check('amounts: rounded, in full on hover, all digits on demand, totals by currency', async () => {
  await b.open('odd');
  const charge = page.locator('tbody tr', { hasText: 'Lookalike · UK' }).locator('.c-charge');
  equal([await charge.textContent(), await charge.getAttribute('title')], ['9,223,372,036.85', '9,223,372,036.854775807 USD'], 'charge');
  await page.getByLabel('All digits').check();
  equal(await charge.textContent(), '9,223,372,036.854775807', 'all digits');
  equal(await page.locator('tfoot .name').allTextContents(), ['Total CNY', 'Total EUR', 'Total USD'], 'totals');
  await b.sees('tfoot tr:last-child .house', 'unbilled 922,337,203,685.4775807 USD');
});

await b.check('sorts by any column, filters by text, pages', async () => {
  await b.open('many');
  equal(await page.locator('tbody tr').count(), 100, 'rows at first');
  await page.getByRole('button', { name: 'Show 100 more of 100' }).click();
  equal(await page.locator('tbody tr').count(), 200, 'rows after "more"');
  await page.getByRole('button', { name: 'Impr.' }).click();
  equal(await page.locator('th.c-impressions').getAttribute('aria-sort'), 'descending', 'aria-sort');
  const shown = (await page.locator('tbody .c-impressions').allTextContents()).map((t) => Number(t.replaceAll(',', '')));
  equal(shown, [...shown].sort((x, y) => y - x), 'impressions, the most first');
  await page.locator('#filter').fill('ctv cny');
  await b.sees('#lines-count', '15 of 200');
  equal(await page.locator('tfoot tr').count(), 1, 'totals of what is shown');
  await page.locator('#filter').fill('zzz');
  await b.sees('#lines-empty', 'None of 200 line items is shown');
});

await b.check('signs in by the form, and says why a key is refused', async () => {
  await page.evaluate(() => sessionStorage.clear());
  await b.open('normal', { key: false });
  await b.sees('#signin-title', 'Sign in');
  await accessible();
  await b.shot('signin-desktop');
  await page.keyboard.press('Enter');
  await b.sees('#key-error', 'Paste the key');
  await page.getByLabel('API key').fill('bhk_wrong');
  await page.keyboard.press('Enter');
  await b.sees('#signin-reason', 'the API key is unknown or revoked');
  equal(await page.getByLabel('API key').inputValue(), 'bhk_wrong', 'what was typed');
  await page.getByLabel('API key').fill('bhk_testserver');
  await page.keyboard.press('Enter');
  await b.sees('#headline', 'Ready and bidding');
});

await b.check('a key revoked on the way: keeps the data and what was typed, goes on with a new one', async () => {
  await b.open('normal');
  await page.locator('#filter').fill('aurora');
  await page.getByRole('button', { name: 'Stop all bidding…' }).click();
  await page.getByLabel('Reason').fill('half a sentence');
  await b.play('refuse');
  await b.sees('#signin-reason', 'unknown or revoked');
  await b.sees('#headline', 'Signed out');
  await b.shot('revoked-desktop');
  equal(await page.locator('tbody tr').count(), 6, 'rows kept');
  await b.play('normal');
  await page.getByLabel('API key').fill('bhk_testserver');
  await page.keyboard.press('Enter');
  await b.sees('#headline', 'Ready and bidding');
  equal([await page.getByLabel('Reason').inputValue(), await page.locator('#filter').inputValue()], ['half a sentence', 'aurora'], 'what was typed');
  await b.play('forbid');
  await b.sees('#signin-reason', 'want operator');
});

for (const [scenario, words] of [['gone', 'The connection failed'], ['broken', "The reports' store does not answer"]]) {
  await b.check(`${scenario}: keeps the data, says how old it is, recovers by itself`, async () => {
    await b.open('normal');
    await b.play(scenario);
    await b.sees('#headline', 'Server unreachable');
    await b.sees('#why', words);
    await page.locator('#asof.stale').waitFor();
    truth(await page.locator('tbody tr').count() === 12, 'the rows are gone');
    equal(await page.locator('#verdicts .answer span:last-child').allTextContents(), ['Unknown', 'Unknown', 'Unknown'], 'answers of old data');
    await accessible();
    await b.shot(`${scenario}-desktop`);
    await b.play('normal');
    await b.sees('#headline', 'Ready and bidding');
    truth(await page.locator('#asof.stale').count() === 0, 'still marked stale');
  });
}

await b.check('kill switch of everything: wants a reason and a word, shows the server’s refusal beside its field', async () => {
  await b.open('normal');
  await page.getByRole('button', { name: 'Stop all bidding…' }).click();
  equal(await page.evaluate(() => document.activeElement.id), 'kill-reason', 'focus');
  await page.locator('#kill-submit').click();
  await b.sees('#kill-reason-error', 'Say why');
  await b.sees('#kill-word-error', 'Type STOP');
  await page.getByLabel('Reason').fill('refuse me');
  await page.getByLabel('Type STOP').fill('stop');
  await accessible();
  await b.shot('kill-desktop');
  await page.locator('#kill-submit').click();
  await b.sees('#kill-reason-error', 'must not ask to be refused');
  equal(await page.getByLabel('Reason').inputValue(), 'refuse me', 'what was typed');
  await page.keyboard.press('Escape');
  equal(await page.evaluate(() => document.activeElement.id), 'kill-all', 'focus after Escape');
  await page.keyboard.press('Enter');
  equal(await page.getByLabel('Reason').inputValue(), 'refuse me', 'the draft');
  await page.getByLabel('Reason').fill('bids run wild');
  await page.getByLabel('Type STOP').fill('STOP');
  await page.keyboard.press('Enter');
  await b.sees('#headline', 'Kill switch is on');
  await b.sees('#why', 'Bids run wild. Set by testserver.');
  await page.getByRole('button', { name: 'Resume bidding…' }).click();
  await page.getByLabel('Reason').fill('mended');
  await page.getByLabel('Type RESUME').fill('resume');
  await page.keyboard.press('Enter');
  await b.sees('#headline', 'Ready and bidding');
});

await b.check('the strip names each brake, why, since when and how to release it', async () => {
  await b.open('normal');
  await b.sees('#headline', 'Ready and bidding');
  truth(await page.locator('#brakes').isHidden(), 'a strip without a brake');
  await b.open('runaway');
  await b.sees('#brakes-title', 'A brake stops bidding');
  await b.sees('#brakes-list li', 'Line item 34 Spring <b>sale</b>');
  await b.sees('#brakes-list li', 'charged 37 USD in 5m0s, 3.7 times the 10 of its plan (limit: 300%)');
  await b.sees('#brakes-list li', 'By breaker/spend since ');
  equal(await page.locator('#brakes-list code').allTextContents(), ['bidhawk release line_item 34 --reason R'], 'the release, once');
  truth(!(await page.locator('#brakes-list').textContent()).includes('to release: bidhawk release line_item 34 --reason RBy'), 'the release stands in the reason too');
  await b.open('braked');
  await b.sees('#brakes-title', '9 brakes stop bidding');
  equal(await page.locator('#brakes-list li').count(), 4, 'shown');
  await b.sees('#brakes-more', 'And 5 more: bidhawk brakes lists them.');
  await b.sees('#brakes-list li:first-child', 'Line item 34');
  await b.open('killed');
  await b.sees('#brakes-list li', 'All bidding');
  await b.sees('#brakes-list code', 'bidhawk release all --reason R');
  await page.getByRole('button', { name: 'Resume bidding…' }).click();
  await page.getByLabel('Reason').fill('mended');
  await page.getByLabel('Type RESUME').fill('resume');
  await page.keyboard.press('Enter');
  await page.locator('#brakes').waitFor({ state: 'hidden' });
});

await b.check('kill switch of one line item', async () => {
  await b.open('normal');
  const row = page.locator('tbody tr', { hasText: 'Lookalike · UK' });
  await row.getByRole('button', { name: 'Stop Lookalike · UK' }).click();
  await page.setViewportSize(SIZES.phone);
  await accessible();
  await b.shot('kill-line-phone');
  await page.setViewportSize(SIZES.desktop);
  await page.getByLabel('Reason').fill('wrong landing page');
  await page.getByLabel('Type STOP').fill('STOP');
  await page.keyboard.press('Enter');
  await row.locator('.badge', { hasText: 'stopped' }).waitFor();
  await b.shot('line-stopped-desktop');
  await row.getByRole('button', { name: 'Resume Lookalike · UK' }).click();
  await b.sees('#kill-title', 'Resume “Lookalike · UK”');
});

await b.check('theme: chosen, kept, and the system’s again', async () => {
  await page.emulateMedia({ colorScheme: 'light' });
  await b.open('normal');
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  const button = page.locator('#theme');
  await button.click();
  await button.click();
  await b.sees('#theme', 'dark');
  const dark = await ground();
  truth(dark !== light, 'dark looks like light');
  await page.reload();
  equal(await ground(), dark, 'after a reload');
  await button.click();
  equal(await ground(), light, 'as the system says');
});

await b.check('the pointer on a chart shows that second in every tile', async () => {
  await b.open('normal');
  await page.locator('.spark').nth(1).hover();
  equal((await page.locator('.tile .sub').allTextContents()).filter((t) => !/ at \d\d:\d\d:\d\d$/.test(t)), [], 'tiles without a time');
  await b.shot('hover-desktop');
});

await b.check('nothing moves where less motion is wanted', async () => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await b.open('normal');
  const moving = await page.evaluate(() => [...document.querySelectorAll('*')].filter((e) => getComputedStyle(e).transitionDuration.split(', ').some((d) => d !== '0s')).length);
  equal(moving, 0, 'elements with a transition');
});

await b.stop();
console.log(b.failures.length ? `\nconsole-test: ${b.failures.length} checks FAILED` : '\nconsole-test: all checks passed');
console.log(`screenshots: ${shots}`);
process.exit(b.failures.length ? 1 : 0);
