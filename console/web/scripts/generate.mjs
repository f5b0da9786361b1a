// Makes src/api/schema.d.ts of the committed OpenAPI document. What is named
// *_nanos or *_micros is money: a bigint here, as src/api/json.ts reads it.
import openapiTS, { astToString } from 'openapi-typescript';
import { writeFileSync } from 'node:fs';
import ts from 'typescript';

const MONEY = /_(nanos|micros)(\/items)?$/;
const bigint = ts.factory.createKeywordTypeNode(ts.SyntaxKind.BigIntKeyword);
const ast = await openapiTS(new URL('../../openapi.json', import.meta.url), {
  transform(schema, { path }) {
    const scalar = [schema.type].flat().some((t) => t === 'integer' || t === 'string');
    return scalar && path && MONEY.test(path) ? bigint : undefined;
  },
});
writeFileSync(new URL('../src/api/schema.d.ts', import.meta.url), astToString(ast));
