// What a person clicks: a new campaign by the console while an exchange sends bid
// requests. Measured from the click on "Activate" to its first bid, and from the click
// on "Save" of a new price to the first bid that it bounds.

import { truth } from './harness.mjs';

const ACTIVATE_MS = 10_000;
const EDIT_MS = 1_000;

const request = (id) => ({
  id, tmax: 200, at: 1, cur: ['USD'], user: { id: `u${id}` },
  imp: [{ id: '1', bidfloor: 0.1, bidfloorcur: 'USD', secure: 1, banner: { w: 300, h: 250, format: [{ w: 300, h: 250 }] } }],
  site: { id: 's', domain: 'news.example', page: 'https://news.example/a', publisher: { id: 'p' } },
  device: { ua: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36', ip: '203.0.113.7', devicetype: 2, os: 'Windows', geo: { country: 'USA' } },
});

// Stream is an exchange that sends a few requests a second and remembers each bid.
class Stream {
  bids = [];
  #on = true;
  #done;

  constructor(node) {
    this.node = node;
    this.#done = this.#run();
  }

  async #run() {
    for (let n = 0; this.#on; n++) {
      const sent = performance.now();
      const answer = await fetch(`${this.node.bids}/openrtb2/demo`, {
        method: 'POST', headers: { 'Content-Type': 'application/json', 'x-openrtb-version': '2.6' }, body: JSON.stringify(request(`r${n}`)),
      }).catch(() => undefined);
      if (answer?.status === 200) {
        const body = await answer.json();
        for (const bid of body.seatbid?.flatMap((s) => s.bid) ?? []) this.bids.push({ sent, price: bid.price, cid: bid.cid, crid: bid.crid });
      }
      await new Promise((done) => setTimeout(done, 40));
    }
  }

  // first is the first bid sent after a moment that fits.
  async first(after, fits, ms) {
    const end = performance.now() + ms;
    for (;;) {
      const found = this.bids.find((x) => x.sent >= after && fits(x));
      if (found) return found.sent - after;
      if (performance.now() > end) return undefined;
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  async stop() {
    this.#on = false;
    await this.#done;
  }
}

export async function checkClicks(b) {
  const { node } = b;
  const stream = new Stream(node);
  try {
    await b.check('from "Activate" to the first bid', async () => {
      const page = await b.open({ clock: false });
      await page.locator('.page-actions .button.primary').click();
      await page.waitForURL(/new-campaign/);
      await page.locator('select').first().waitFor();
      await page.locator('form').waitFor();
      await b.field('name').fill('Clicked together');
      await b.field('budget.daily_nanos').fill('250');
      await b.field('price_micros').fill('9');
      await b.field('max_bid_micros').fill('8');
      await b.field('creative_ids').first().check();
      await page.waitForTimeout(200);
      stream.bids.length = 0;
      const clicked = performance.now();
      await page.locator('.save-bar button[type="submit"]').click();
      const ms = await stream.first(clicked, (x) => x.price > 3, ACTIVATE_MS * 2);
      truth(ms !== undefined, 'it never bid');
      console.log(`      first bid ${Math.round(ms)} ms after the click on "Activate"; bar ${ACTIVATE_MS} ms`);
      truth(ms <= ACTIVATE_MS, `${ms} ms; want at most ${ACTIVATE_MS}`);
      await page.waitForURL(/line-items\/\d+$/);
      await page.locator('.badge.good').first().waitFor(); // and the page says that it bids
    });

    await b.check('from "Save" to the first bid under the new price', async () => {
      const { page } = b;
      await b.field('max_bid_micros').fill('4.5');
      const clicked = performance.now();
      await page.locator('.save-bar button[type="submit"]').click();
      const ms = await stream.first(clicked, (x) => x.price > 3 && x.price <= 4.5, EDIT_MS * 10);
      truth(ms !== undefined, 'no bid under the new price');
      const late = stream.bids.filter((x) => x.sent > clicked + EDIT_MS && x.price > 4.5).length;
      console.log(`      first bid under the new price ${Math.round(ms)} ms after the click on "Save"; bar ${EDIT_MS} ms; ${late} bids above it later`);
      truth(ms <= EDIT_MS && late === 0, `${ms} ms, ${late} late; want at most ${EDIT_MS} ms and none`);
    });
  } finally {
    await stream.stop();
  }
}
