// Runs the console's tests against a real binary: see scripts/console-test.
//
//   node run.mjs BINARY BROWSER REPOSITORY SHOTS [--update] [--only=pages|writes|lost|clicks|reading]

import { join } from 'node:path';
import { checkClicks } from './click.mjs';
import { Bench, Node } from './harness.mjs';
import { checkPages } from './pages.mjs';
import { checkReading, checkReadingPages, traffic } from './reading.mjs';
import { build } from './world.mjs';
import { checkNothingIsLost, checkWrites } from './writes.mjs';

const [binary, browser, root, shots, ...flags] = process.argv.slice(2);
const only = flags.find((f) => f.startsWith('--only='))?.slice(7);
const parts = only ? [only] : ['pages', 'writes', 'lost', 'clicks', 'reading'];
const began = Date.now();
let [checks, failures] = [0, []];

// Each part has a node of its own: the pictures must not show what another part wrote.
for (const part of parts) {
  const node = await Node.start(binary, root);
  const b = new Bench(node, { shots, baselines: join(root, 'console/web/e2e/pictures'), update: flags.includes('--update') });
  try {
    await b.launch(browser);
    const world = await build(node);
    await node.ready();
    if (part === 'pages') await checkPages(b, world);
    if (part === 'writes') {
      for (const language of ['en', 'zh']) for (const view of ['desktop', 'phone']) await checkWrites(b, world, { language, view });
    }
    if (part === 'lost') await checkNothingIsLost(b, world);
    if (part === 'clicks') await checkClicks(b);
    if (part === 'reading') {
      await traffic(node, world);
      await checkReadingPages(b, world);
      for (const language of ['en', 'zh']) for (const view of ['desktop', 'phone']) await checkReading(b, world, { language, view });
    }
  } finally {
    await b.stop();
    await node.stop();
    checks += b.checks;
    failures = failures.concat(b.failures);
  }
}
console.log(`\n${checks - failures.length} of ${checks} checks hold, in ${Math.round((Date.now() - began) / 1000)} s; pictures in ${shots}`);
if (failures.length) {
  console.log(`failed: ${failures.join('; ')}`);
  process.exit(1);
}
