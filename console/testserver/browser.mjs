// What the checks share: the server under test, a browser, and small assertions.

import { chromium } from 'playwright-core';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const WAIT_MS = 12_000; // for anything on the page: the machine may be busy

export class Bench {
  failures = [];
  #profile = mkdtempSync(join(tmpdir(), 'bidhawk-console-'));
  #said = []; // what the page wrote to the browser's console

  static async start({ server, browser, shots }) {
    const b = new Bench();
    b.shots = shots;
    mkdirSync(shots, { recursive: true });
    b.process = spawn(server, ['--for', '10m'], { stdio: ['ignore', 'pipe', 'inherit'] });
    b.url = await new Promise((done, fail) => {
      b.process.stdout.once('data', (d) => done(String(d).trim()));
      b.process.once('error', fail);
      b.process.once('exit', () => fail(new Error('the test server ended at once')));
    });
    b.context = await chromium.launchPersistentContext(b.#profile, {
      executablePath: browser, headless: true, args: FLAGS, viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'Europe/Berlin',
    });
    b.page = b.context.pages()[0];
    b.page.setDefaultTimeout(WAIT_MS);
    b.page.on('pageerror', (e) => b.#said.push(`error: ${e.message}`));
    b.page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') b.#said.push(m.text()); });
    return b;
  }

  async stop() {
    await this.context?.close();
    this.process.kill();
    rmSync(this.#profile, { recursive: true, force: true });
  }

  // check runs one named check; its failure is noted and the next one runs.
  async check(name, run) {
    this.#said.length = 0;
    try {
      await run();
      // A browser reports each refused request itself: those are the scenarios' own.
      const wrong = this.#said.filter((s) => !/Failed to load resource/.test(s));
      if (wrong.length) throw new Error(`the browser's console says: ${wrong.join(' | ')}`);
      console.log(`ok    ${name}`);
    } catch (err) {
      this.failures.push(name);
      console.log(`FAIL  ${name}\n      ${String(err.stack ?? err).replaceAll('\n', '\n      ')}`);
      await this.shot(`FAIL-${this.failures.length}`).catch(() => {});
    }
  }

  async play(scenario) {
    const answer = await fetch(new URL(`/testserver?scenario=${scenario}`, this.url), { method: 'POST' });
    if (!answer.ok) throw new Error(`scenario ${scenario}: ${answer.status}`);
  }

  // open plays scenario to a fresh page and waits for its first data.
  async open(scenario, { key = true } = {}) {
    await this.play(scenario);
    await this.page.goto('about:blank');
    await this.page.goto(key ? this.url : this.url.split('#')[0]);
    if (key) await this.page.locator('#asof-time', { hasText: 'As of' }).waitFor();
  }

  async shot(name, fullPage = false) {
    await this.page.screenshot({ path: join(this.shots, `${name}.png`), fullPage });
  }

  // sees waits until the element holds text.
  async sees(selector, text) {
    const found = this.page.locator(selector, { hasText: text }).first();
    try {
      await found.waitFor({ state: 'visible' });
    } catch {
      const has = await this.page.locator(selector).first().textContent().catch(() => '(no such element)');
      throw new Error(`${selector}: ${JSON.stringify(has)}; want ${text}`);
    }
  }
}

export function equal(got, want, what) {
  const [g, w] = [got, want].map((v) => JSON.stringify(v));
  if (g !== w) throw new Error(`${what}: got ${g}; want ${w}`);
}

export function truth(ok, what) {
  if (!ok) throw new Error(what);
}
