// Package rollup keeps the sums that reports are read from: columns, in parts that
// are written once, merged in the background and never changed.
//
// A batch of events becomes one small part for each cube and day that it touches, in
// the transaction that moves its offsets; sums are additive, so that a late event is
// one more row of an old day. Parts of a day are merged eight by eight, as a
// log-structured tree does, so that a day is soon a few large ones. A report reads the
// columns that it asks for, of the smallest cube that has its dimensions, with a few
// goroutines side by side.
//
// The database (SQLite or Postgres) sees four plain statements and blobs: what it adds
// is the transaction.
package rollup
