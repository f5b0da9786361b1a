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
	"maps"
	"math/big"
	"slices"
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
	Accounts   int      // balances compared, zero or not
	Over       *big.Int // charge posted beyond budgets, in nanos, all levels: the promise is 0
	Violations []Violation
	More       int // violations beyond MaxViolations
	Totals     map[string]*big.Int
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

// Run audits the whole topic: every partition from its first record up to where
// expected stands, or without expected up to its present end. The error is of
// the log; what is wrong with the money is in the result.
func Run(ctx context.Context, log eventlog.Log, expected *Expected) (*Result, error) {
	partitions, err := log.Partitions(ctx, eventlog.TopicMoney)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	res := newResult()
	for p := range partitions {
		first, end, err := log.Bounds(ctx, eventlog.TopicMoney, p)
		if err != nil {
			return nil, fmt.Errorf("audit partition %d: %w", p, err)
		}
		if expected != nil {
			if next := expected.Next[p]; next > end {
				res.violate(p, -1, fmt.Errorf("the ledger stands at offset %d; the log ends at %d", next, end))
			} else {
				end = next
			}
		}
		a := NewPartition(p)
		if err := a.readLog(ctx, log, first, end, res); err != nil {
			return nil, fmt.Errorf("audit partition %d: %w", p, err)
		}
		a.finish(res)
	}
	if expected != nil {
		res.compare(expected.Accounts)
	}
	return res, nil
}

func newResult() *Result { return &Result{Over: new(big.Int), Totals: map[string]*big.Int{}} }

// Partition audits one partition, record by record.
type Partition struct {
	id   int32
	book *book
}

// NewPartition begins at the first record of a partition.
func NewPartition(id int32) *Partition { return &Partition{id: id, book: newBook()} }

// Apply folds one record: what it decides, or the rule that is broken.
func (a *Partition) Apply(offset int64, value []byte) (Entry, error) {
	r, err := read(value)
	if err != nil {
		return Entry{}, fmt.Errorf("cannot be read: %w", err)
	}
	return a.book.apply(offset, r)
}

// Compare recounts what the leases hold and compares every balance with the
// ledger's.
func (a *Partition) Compare(accounts map[string]money.Wide) *Result {
	res := newResult()
	a.finish(res)
	res.compare(accounts)
	return res
}

func (a *Partition) readLog(ctx context.Context, log eventlog.Log, first, end int64, res *Result) (err error) {
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
		for _, rec := range recs {
			if rec.Offset >= end {
				return nil
			}
			res.Records++
			if _, err := a.Apply(rec.Offset, rec.Value); err != nil {
				res.violate(a.id, rec.Offset, err)
				a.book.next = rec.Offset + 1
			}
		}
	}
	return nil
}

// finish adds the partition's balances to res.
func (a *Partition) finish(res *Result) {
	if err := a.book.recount(); err != nil {
		res.violate(a.id, -1, err)
	}
	res.Bills += a.book.bills
	for name, sum := range a.book.journal {
		res.add(name, sum)
	}
	for _, s := range a.book.scopes {
		today := s.advertiser().day
		kinds := map[string]*ledgerOf{"charge": &s.charge}
		if strings.HasPrefix(s.name, "line_item/") {
			kinds["media"] = &s.media
		}
		for kind, l := range kinds {
			res.horizon(s.name+"/"+kind, &l.life)
			if h := l.days[today]; h != nil {
				res.horizon(s.name+"/"+kind+"/today", h)
			}
		}
		for _, h := range s.charge.days {
			res.over(h)
		}
		res.over(&s.charge.life)
	}
}

func (r *Result) horizon(name string, h *horizon) {
	r.add(name+"/posted", big.NewInt(h.posted))
	r.add(name+"/held", big.NewInt(h.held))
}

func (r *Result) over(h *horizon) {
	if over := h.posted - max(h.bound(), h.accepted); over > 0 {
		r.Over.Add(r.Over, big.NewInt(over))
	}
}

func (r *Result) add(name string, n *big.Int) {
	sum := r.Totals[name]
	if sum == nil {
		sum = new(big.Int)
		r.Totals[name] = sum
	}
	sum.Add(sum, n)
}

// compare holds every balance against the ledger's; one that either side lacks is 0.
func (r *Result) compare(accounts map[string]money.Wide) {
	names := map[string]bool{}
	for name := range r.Totals {
		names[name] = true
	}
	for name := range accounts {
		names[name] = true
	}
	r.Accounts = len(names)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		ours := r.Totals[name]
		if ours == nil {
			ours = new(big.Int)
		}
		if theirs := accounts[name].Big(); ours.Cmp(theirs) != 0 {
			r.violate(0, -1, fmt.Errorf("%s: the ledger has %v; the log says %v", name, theirs, ours))
		}
	}
}
