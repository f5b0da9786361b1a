import { useMemo } from 'react';
import { useMessages } from '../../i18n/language';
import { type ColumnDef, Table } from '../../ui/Table';
import { decimalNanos } from '../../values/money';
import { Figure } from './cells';
import { useNames } from './names';
import { type Dimension, kindOf, type Metric, type Row } from './report';
import { dimensionWords, metricWords, words } from './words';

const SHOWN = 500;

// ReportTable is the rows of a report; amounts sort exactly.
export function ReportTable({ rows, by, metrics, names, label }: { label?: string; rows: Row[]; by: Dimension[]; metrics: Metric[]; names?: (d: Dimension, value: unknown) => string }) {
  const t = useMessages(words);
  const dimension = useMessages(dimensionWords);
  const metric = useMessages(metricWords);
  const known = useNames(names ? [] : by);
  const called = names ?? known;
  const columns = useMemo<ColumnDef<Row>[]>(() => [
    ...by.map((d): ColumnDef<Row> => ({ id: d, header: dimension(d), accessorFn: (r) => r[d] ?? '', cell: (c) => called(d, c.row.original[d]) })),
    ...metrics.map((m): ColumnDef<Row> => ({
      id: m, header: metric(m), meta: { number: true }, accessorFn: (r) => r[m] ?? null, cell: (c) => <Figure row={c.row.original} metric={m} />,
      sortingFn: (a, b) => compare(a.original[m], b.original[m], m),
    })),
  ], [by, metrics, dimension, metric, called]);
  return (
    <>
      <Table label={label ?? t('table')} rows={rows.slice(0, SHOWN)} columns={columns} rowId={(r) => [...by.map((d) => r[d]), r.app, r.currency].join('|')} />
      {rows.length > SHOWN && <p className="hint">{t('first', { n: SHOWN })}</p>}
    </>
  );
}

function compare(a: Row[string], b: Row[string], m: Metric): number {
  if (a == null || b == null) return Number(a != null) - Number(b != null);
  if (kindOf(m) === 'money') {
    const d = decimalNanos(String(a)) - decimalNanos(String(b));
    return d < 0n ? -1 : d > 0n ? 1 : 0;
  }
  return Number(a) - Number(b);
}
