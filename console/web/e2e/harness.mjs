// What the tests share: the real binary on a fresh directory, a browser, screenshots
// that are compared, and small assertions.

import { chromium } from 'playwright-core';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pixelmatch from 'pixelmatch';
import { PNG } from 'pngjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--font-render-hinting=none', '--disable-lcd-text', '--force-color-profile=srgb'];
export const WAIT_MS = 20_000; // for anything on the page: the machine may be busy
// The browser's clock stands still, so that "days left" does not change the pictures.
export const NOW = new Date('2026-11-26T12:00:00Z');
export const VIEWS = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

async function freePorts(n) {
  const servers = await Promise.all(Array.from({ length: n }, () => new Promise((done) => {
    const s = createServer().listen(0, '127.0.0.1', () => done(s));
  })));
  const ports = servers.map((s) => s.address().port);
  await Promise.all(servers.map((s) => new Promise((done) => s.close(done))));
  return ports;
}

// Node is one "bidhawk serve" with everything in a directory of its own.
export class Node {
  static async start(binary, root) {
    const n = new Node();
    n.dir = mkdtempSync(join(tmpdir(), 'bidhawk-console-'));
    const [bids, api, operations, leases] = await freePorts(4);
    n.url = `http://127.0.0.1:${api}`;
    n.bids = `http://127.0.0.1:${bids}`;
    n.said = '';
    n.process = spawn(binary, ['serve', '--config', join(root, 'configs/dev.yaml')], {
      cwd: root, stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env, BIDHAWK_DATA_DIR: join(n.dir, 'data'), BIDHAWK_LOG_LEVEL: 'warn', BIDHAWK_PUBLIC_URL: n.bids, BIDHAWK_EVENT_LOG_PARTITIONS: '1', BIDHAWK_PACING_LISTEN: `127.0.0.1:${leases}`,
        BIDHAWK_LISTEN: `{bids: '127.0.0.1:${bids}', api: '127.0.0.1:${api}', operations: '127.0.0.1:${operations}'}`,
      },
    });
    for (const s of [n.process.stdout, n.process.stderr]) s.on('data', (d) => { n.said = (n.said + d).slice(-8000); });
    n.operations = `http://127.0.0.1:${operations}`;
    await n.answers(`${n.url}/openapi.json`);
    n.key = readFileSync(join(n.dir, 'data/secrets/operator.key'), 'utf8').trim();
    return n;
  }

  async answers(url) {
    await until(async () => {
      if (this.process.exitCode !== null) throw new Error(`the node has ended: ${this.said}`);
      return (await fetch(url).catch(() => undefined))?.ok;
    }, `an answer at ${url}`, 60_000);
  }

  // ready waits until it would bid. It is not before the first campaign has come in.
  ready() {
    return this.answers(`${this.operations}/readyz`);
  }

  // api calls as the operator; an answer that is no success is an error.
  async api(method, path, body, headers = {}) {
    const answer = await fetch(this.url + path, {
      method, body: body === undefined ? undefined : JSON.stringify(body),
      headers: { Authorization: `Bearer ${this.key}`, 'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json', ...headers },
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  async stop() {
    const ended = new Promise((done) => this.process.once('exit', done));
    this.process.kill();
    await ended;
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export async function until(check, what, ms = WAIT_MS) {
  const end = Date.now() + ms;
  for (;;) {
    const got = await check();
    if (got) return got;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

// Bench runs checks in one browser, and keeps count.
export class Bench {
  failures = [];
  checks = 0;
  #said = [];

  constructor(node, { shots, baselines, update }) {
    Object.assign(this, { node, shots, baselines, update });
    mkdirSync(shots, { recursive: true });
    mkdirSync(baselines, { recursive: true });
  }

  async launch(executablePath) {
    this.browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
  }

  // open is a fresh person: no storage, signed in unless key is ''.
  async open({ view = 'desktop', language = 'en', scheme = 'light', key = this.node.key, clock = true } = {}) {
    await this.context?.close();
    this.context = await this.browser.newContext({
      viewport: VIEWS[view], locale: language === 'zh' ? 'zh-CN' : 'en-GB', timezoneId: 'Europe/Berlin', colorScheme: scheme, reducedMotion: 'reduce',
    });
    const page = await this.context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    if (clock) await page.clock.setFixedTime(NOW);
    page.on('pageerror', (e) => this.#said.push(`error: ${e.message}`));
    page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') this.#said.push(m.text()); });
    this.page = page;
    await page.goto(`${this.node.url}/${key ? `#key=${key}` : ''}`);
    await page.locator('h1').waitFor();
    return page;
  }

  // check runs one named check; its failure is noted and the next one runs.
  async check(name, run) {
    this.#said.length = 0;
    this.checks++;
    const began = Date.now();
    try {
      await run();
      // A browser reports each refused request itself: those are the checks' own.
      const wrong = this.#said.filter((s) => !/Failed to load resource/.test(s));
      if (wrong.length) throw new Error(`the browser's console says: ${wrong.join(' | ')}`);
      console.log(`ok    ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    } catch (err) {
      this.failures.push(name);
      console.log(`FAIL  ${name}\n      ${String(err.stack ?? err).replaceAll('\n', '\n      ')}`);
      await this.page?.screenshot({ path: join(this.shots, `FAIL-${this.failures.length}.png`) }).catch(() => {});
    }
  }

  // go opens an address within the application and waits until it is all there.
  async go(path) {
    await this.page.goto(this.node.url + path);
    await this.settled();
  }

  async settled() {
    await this.page.locator('h1').first().waitFor();
    await this.page.waitForLoadState('networkidle');
    await this.page.evaluate(() => document.fonts.ready);
  }

  // picture compares what is on the screen with the committed picture of that name.
  async picture(name) {
    await this.page.evaluate(() => { document.activeElement?.blur(); scrollTo(0, 0); });
    const taken = await this.page.screenshot({ path: join(this.shots, `${name}.png`), caret: 'hide', animations: 'disabled' });
    const file = join(this.baselines, `${name}.png`);
    if (this.update || !existsSync(file)) {
      if (!this.update) throw new Error(`${name}: no picture to compare with; scripts/console-test --update makes it`);
      writeFileSync(file, taken);
      return;
    }
    const [got, want] = [PNG.sync.read(taken), PNG.sync.read(readFileSync(file))];
    if (got.width !== want.width || got.height !== want.height) throw new Error(`${name}: ${got.width}x${got.height}; want ${want.width}x${want.height}`);
    const diff = new PNG({ width: got.width, height: got.height });
    const wrong = pixelmatch(got.data, want.data, diff.data, got.width, got.height, { threshold: 0.2 });
    const share = wrong / (got.width * got.height);
    if (share > 0.01) {
      writeFileSync(join(this.shots, `${name}.diff.png`), PNG.sync.write(diff));
      throw new Error(`${name}: ${(100 * share).toFixed(2)}% of the picture differs; want at most 1%`);
    }
  }

  // accessible asks axe, and that nothing is wider than the window.
  async accessible(what) {
    // By evaluate, as the page's policy rightly takes no script from us.
    const found = await this.page.evaluate(`${axe}; axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] })`);
    const said = found.violations.map((v) => `${v.id} (${v.nodes.length}): ${v.nodes[0].html.slice(0, 160)} ${v.nodes[0].any[0]?.message ?? v.nodes[0].all[0]?.message ?? ''}`);
    if (said.length) throw new Error(`${what}: accessibility: ${said.join('; ')}`);
    const [has, fits] = await this.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    if (has > fits) throw new Error(`${what}: the page is ${has} px wide in a window of ${fits}`);
  }

  field(name) {
    return this.page.locator(`[name="${name}"]`);
  }

  async stop() {
    await this.browser?.close();
  }
}

export function equal(got, want, what) {
  const [g, w] = [got, want].map((v) => JSON.stringify(v));
  if (g !== w) throw new Error(`${what}: got ${g}; want ${w}`);
}

export function truth(ok, what) {
  if (!ok) throw new Error(what);
}
