// Lighthouse on every page, as a desktop browser sees it. It is not among the console's
// own packages, being larger than all of them: scripts/console-lighthouse brings it.
//
//   node lighthouse.mjs BINARY BROWSER REPOSITORY

import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Node } from './harness.mjs';
import { pages } from './pages.mjs';
import { build } from './world.mjs';

const BAR = 95;
const KINDS = ['performance', 'accessibility', 'best-practices'];
const [binary, browser, root] = process.argv.slice(2);
const lighthouse = process.env.LIGHTHOUSE;
const node = await Node.start(binary, root);
let bad = 0;
try {
  const world = await build(node);
  await node.ready();
  const only = process.argv[5];
  for (const p of [{ name: 'sign-in', path: () => '/' }, ...pages].filter((x) => !only || only.split(",").includes(x.name))) {
    const out = join(tmpdir(), `bidhawk-lighthouse-${process.pid}.json`);
    const url = `${node.url}${p.path(world)}${p.name === 'sign-in' ? '' : `#key=${node.key}`}`;
    execFileSync(lighthouse, [url, '--quiet', '--output=json', `--output-path=${out}`, '--preset=desktop', `--only-categories=${KINDS.join(',')}`,
      '--chrome-flags=--headless=new --no-sandbox --disable-gpu'], { env: { ...process.env, CHROME_PATH: browser }, stdio: ['ignore', 'ignore', 'inherit'] });
    const report = JSON.parse(readFileSync(out, 'utf8'));
    rmSync(out);
    const scores = KINDS.map((k) => Math.round(100 * report.categories[k].score));
    const low = KINDS.flatMap((k, i) => (scores[i] >= BAR ? [] : report.categories[k].auditRefs
      .map((r) => report.audits[r.id]).filter((a) => a.score !== null && a.score < 0.9).map((a) => `${a.id} ${a.displayValue ?? ''}`.trim())));
    if (low.length) bad++;
    console.log(`${low.length ? 'FAIL ' : 'ok   '} ${p.name}: ${KINDS.map((k, i) => `${k} ${scores[i]}`).join(', ')}${low.length ? ` (${low.join('; ')})` : ''}`);
  }
} finally {
  await node.stop();
}
console.log(`bar ${BAR}`);
process.exit(bad ? 1 : 0);
