// Puts a .br and a .gz beside each file of the build that becomes smaller by it,
// and says what the first page costs.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const out = process.env.CONSOLE_OUT ?? new URL('../../dist/', import.meta.url).pathname;
let total = 0;
let charts = 0;
for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
  const name = join(entry.parentPath ?? entry.path, entry.name);
  if (!entry.isFile() || !/\.(js|css|html|svg|json)$/.test(name)) continue;
  const body = readFileSync(name);
  const brotli = brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  const gzip = gzipSync(body, { level: 9 });
  if (brotli.length < body.length) writeFileSync(`${name}.br`, brotli);
  if (gzip.length < body.length) writeFileSync(`${name}.gz`, gzip);
  if (/uplot/i.test(name)) charts += gzip.length;
  else total += gzip.length;
}
const BOUND = 400 * 1024;
console.log(`console: ${(total / 1024).toFixed(1)} KB gzipped in all, and ${(charts / 1024).toFixed(1)} KB of charts`);
if (total > BOUND) {
  console.error(`console: the bound is ${BOUND / 1024} KB before charts`);
  process.exit(1);
}
