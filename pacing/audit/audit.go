// Package audit is the independent auditor of the money: it folds the topic
// money with code and records of its own, checks the promise after every
// record, and compares every balance with the ledger's, to the nano. It shares
// nothing with package pacing but the names of the accounts.
package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// Expected is what the ledger says: its balances by account name, and by
// partition the offset after the last record it has folded.
type Expected struct {
	Next     map[int32]int64
	Accounts map[string]money.Wide
}

// Result is an audit's finding. It is clean when Violations is empty.
type Result struct {
	Records    int64
	Bills      int64    // bids whose bill posted
	Accounts   int      // balances compared: all that either side has
	Over       *big.Int // charge posted beyond budgets, in nanos, all levels: the promise is 0
	Partial    string   // what could not be looked at, where memory did not reach
	Violations []Violation
	More       int // violations beyond MaxViolations
	Totals     map[string]money.Wide
}

// Violation is a broken rule and where it was seen.
type Violation struct {
	Partition int32
	Offset    int64 // -1: a balance at the end
	What      string
}

func (v Violation) String() string {
	if v.Offset < 0 {
		return fmt.Sprintf("partition %d: %s", v.Partition, v.What)
	}
	return fmt.Sprintf("partition %d offset %d: %s", v.Partition, v.Offset, v.What)
}

// MaxViolations bounds how many are kept; More counts the rest.
const MaxViolations = 100

// Clean says whether nothing is wrong.
func (r *Result) Clean() bool { return len(r.Violations) == 0 }

func (r *Result) violate(partition int32, offset int64, err error) {
	if len(r.Violations) == MaxViolations {
		r.More++
		return
	}
	r.Violations = append(r.Violations, Violation{partition, offset, err.Error()})
}

// WriteTo writes the finding for people.
func (r *Result) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "audit: %d records, %d bills, %d balances compared\n", r.Records, r.Bills, r.Accounts)
	fmt.Fprintf(&b, "charged over budget: %s\n", units(r.Over))
	if r.Partial != "" {
		fmt.Fprintf(&b, "not all: %s\n", r.Partial)
	}
	for _, v := range r.Violations {
		fmt.Fprintf(&b, "VIOLATION %v\n", v)
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", r.More)
	}
	if r.Clean() {
		b.WriteString("the ledger agrees to the nano\n")
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func units(n *big.Int) string {
	if n.IsInt64() {
		return money.Nanos(n.Int64()).String()
	}
	return n.String() + " nanos"
}

// Options is how an audit is run; the zero value will do.
type Options struct {
	// Bids is how many billed bids of a partition are remembered for good, to
	// find one that is billed again under another lease, at 16 bytes and a map's
	// share each. 0: a bid is remembered until its lease is past hard.
	Bids int
	// Progress is told now and then how far a partition is.
	Progress func(partition int32, next, end int64)
}

// ManyBids is for an audit that has a machine to itself: about 1 GB.
const ManyBids = 20_000_000

// Run audits the whole topic: every partition from its first record up to where
// expected stands, or without expected up to its present end. The error is of
// the log; what is wrong with the money is in the result.
func Run(ctx context.Context, log eventlog.Log, expected *Expected) (*Result, error) {
	return RunWith(ctx, log, expected, Options{Bids: ManyBids})
}

// RunWith is Run with options.
func RunWith(ctx context.Context, log eventlog.Log, expected *Expected, opt Options) (*Result, error) {
	partitions, err := log.Partitions(ctx, eventlog.TopicMoney)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	res := newResult()
	for p := range partitions {
		if err := runPartition(ctx, log, p, expected, opt, res); err != nil {
			return nil, fmt.Errorf("audit partition %d: %w", p, err)
		}
	}
	if expected != nil {
		res.compare(expected.Accounts)
	}
	return res, nil
}

func runPartition(ctx context.Context, log eventlog.Log, p int32, expected *Expected, opt Options, res *Result) error {
	first, end, err := log.Bounds(ctx, eventlog.TopicMoney, p)
	if err != nil {
		return err
	}
	if expected != nil {
		if next := expected.Next[p]; next > end {
			res.violate(p, -1, fmt.Errorf("the ledger stands at offset %d; the log ends at %d", next, end))
		} else {
			end = next
		}
	}
	a := NewPartition(p)
	a.RememberBills(opt.Bids)
	if err := a.readLog(ctx, log, first, end, opt, res); err != nil {
		return err
	}
	if full := a.book.maxEver; full > 0 && len(a.book.ever) == full {
		res.Partial = fmt.Sprintf("partition %d: only the first %d bids were looked for among all later ones", p, full)
	}
	a.finish(res)
	return nil
}

func newResult() *Result { return &Result{Over: new(big.Int), Totals: map[string]money.Wide{}} }

// Partition audits one partition, record by record.
type Partition struct {
	id   int32
	book *book
	rec  record // reused
	in   *interned
}

// NewPartition begins at the first record of a partition.
func NewPartition(id int32) *Partition { return &Partition{id: id, book: newBook(), in: newInterned()} }

// Apply folds one record: what it decides, or the rule that is broken.
func (a *Partition) Apply(offset int64, value []byte) (Entry, error) {
	if err := a.rec.read(value, a.in); err != nil {
		a.book.next = offset + 1
		return Entry{}, fmt.Errorf("cannot be read: %w", err)
	}
	return a.book.apply(offset, &a.rec)
}

// RememberBills keeps up to n billed bids for good, so that one which is billed
// again after its lease is past hard, under another lease, is found.
func (a *Partition) RememberBills(n int) {
	a.book.maxEver, a.book.ever = n, map[bidKey]struct{}{}
}

// Leased is what an item of a lease has left: what was granted, less what was
// returned and what the bids have reserved that notices named.
func (a *Partition) Leased(lease, lineItem int64) (media, charge int64, ok bool) {
	l := a.book.leases[lease]
	if l == nil || l.parts[lineItem] == nil {
		return 0, 0, false
	}
	p := l.parts[lineItem]
	return p.unusedMedia, p.unusedCharge, true
}

// Compare recounts what the leases hold and compares every balance with the
// ledger's.
func (a *Partition) Compare(accounts map[string]money.Wide) *Result {
	res := newResult()
	a.finish(res)
	res.compare(accounts)
	return res
}

func (a *Partition) readLog(ctx context.Context, log eventlog.Log, first, end int64, opt Options, res *Result) (err error) {
	if first >= end {
		return nil
	}
	if first > 0 {
		res.violate(a.id, first, fmt.Errorf("the log begins at offset %d: money records before it are missing", first))
	}
	r, err := log.Read(ctx, eventlog.TopicMoney, a.id, first)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for a.book.next < end {
		recs, err := r.Fetch(ctx, 4096)
		if err != nil {
			return err
		}
		if opt.Progress != nil {
			opt.Progress(a.id, a.book.next, end)
		}
		for _, rec := range recs {
			if rec.Offset >= end {
				return nil
			}
			res.Records++
			if _, err := a.Apply(rec.Offset, rec.Value); err != nil {
				res.violate(a.id, rec.Offset, err)
			}
		}
	}
	return nil
}
