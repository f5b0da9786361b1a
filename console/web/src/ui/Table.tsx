import { type ColumnDef, flexRender, getCoreRowModel, getSortedRowModel, type SortingState, useReactTable } from '@tanstack/react-table';
import { useState } from 'react';

export type { ColumnDef } from '@tanstack/react-table';

interface Props<T> {
  label: string; // what the rows are, for screen readers
  rows: T[];
  columns: ColumnDef<T, any>[];
  rowId: (row: T) => string;
  sort?: SortingState;
}

declare module '@tanstack/react-table' {
  interface ColumnMeta<TData, TValue> {
    number?: boolean; // to the right, digits aligned
  }
}

// Table sorts by any column that has an accessor. On a phone each row is a card, and
// each cell names its column.
export function Table<T>({ label, rows, columns, rowId, sort = [] }: Props<T>) {
  const [sorting, setSorting] = useState<SortingState>(sort);
  const table = useReactTable({
    data: rows, columns, getRowId: rowId, state: { sorting }, onSortingChange: setSorting,
    getCoreRowModel: getCoreRowModel(), getSortedRowModel: getSortedRowModel(),
  });
  return (
    <div className="table-scroll" role="region" aria-label={label} tabIndex={0}>
      <table className="table cards">
        <thead>
          {table.getHeaderGroups().map((g) => (
            <tr key={g.id}>
              {g.headers.map((h) => {
                const sorted = h.column.getIsSorted();
                const title = flexRender(h.column.columnDef.header, h.getContext());
                return (
                  <th key={h.id} scope="col" className={h.column.columnDef.meta?.number ? 'number' : ''}
                    aria-sort={sorted ? (sorted === 'asc' ? 'ascending' : 'descending') : undefined}>
                    {h.column.getCanSort()
                      ? <button type="button" className="sort" onClick={h.column.getToggleSortingHandler()}>
                          {title}<span aria-hidden="true">{sorted === 'asc' ? ' ↑' : sorted === 'desc' ? ' ↓' : ''}</span>
                        </button>
                      : title}
                  </th>
                );
              })}
            </tr>
          ))}
        </thead>
        <tbody>
          {table.getRowModel().rows.map((r) => (
            <tr key={r.id}>
              {r.getVisibleCells().map((c) => (
                <td key={c.id} className={c.column.columnDef.meta?.number ? 'number' : ''}
                  data-label={typeof c.column.columnDef.header === 'string' ? c.column.columnDef.header : undefined}>
                  {flexRender(c.column.columnDef.cell, c.getContext())}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
