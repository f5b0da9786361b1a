package targeting

import (
	"os"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
)

// tally counts what a comparison saw, so that a test can tell it saw enough.
type tally struct{ pairs, matches int }

// agree compares the index with the reference for some requests of two imps,
// on every line item of a catalog.
func agree(t failer, s source, scratch *Scratch, lines, requests int) (seen tally) {
	t.Helper()
	cat, tags := emptyCatalog(), taxonomy()
	s.world(cat, 1, lines)
	ix, err := Build(cat, Params{Tags: tags, Now: epoch, common: 1 + s(4)})
	if err != nil {
		t.Fatal(err)
	}
	if ix.Len() != lines {
		t.Fatalf("%d rows of %d line items", ix.Len(), lines)
	}
	for range requests {
		req := s.request()
		ix.Begin(scratch, req)
		for range 2 {
			imp := s.imp()
			rows := ix.MatchImp(nil, scratch, imp)
			seen.matches += len(rows)
			if !slices.IsSorted(rows) {
				t.Fatalf("rows out of rank order: %v", rows)
			}
			for row := range int32(ix.Len()) {
				seen.pairs++
				compare(t, ix, tags, row, req, imp, slices.Contains(rows, row))
			}
		}
	}
	return seen
}

func compare(t failer, ix *Index, tags tagNumbers, row int32, req *RequestFacts, imp *ImpFacts, got bool) {
	t.Helper()
	line := ix.Line(row)
	want := refusedBy(line.Lineage, tags, req, imp)
	if got != (len(want) == 0) {
		t.Fatalf("line item %d: matches = %v; the reference is refused by %v\ntargeting %+v\nrequest %+v\nimp %+v",
			line.LineItem.ID, got, want, line.LineItem.Targeting, req, imp)
	}
	for _, deal := range imp.Deals {
		asked := len(deal) > 0 && slices.Contains(line.LineItem.Targeting.Deals, string(deal))
		if ix.TargetsDeal(row, deal) != asked {
			t.Fatalf("line item %d: TargetsDeal(%q) = %v; it asks for %q", line.LineItem.ID, deal, !asked, line.LineItem.Targeting.Deals)
		}
	}
}

func TestMatchAgreesWithReference(t *testing.T) {
	var scratch Scratch // one for all: what an index or a request leaves behind shows
	rapid.Check(t, func(t *rapid.T) {
		agree(t, rapidSource(t), &scratch, 3, 2)
	})
}

// TestMatchAgreesWithReferenceAtLength compares 200,000 pairs, or as many as
// BIDHAWK_TARGETING_PAIRS says, from a seed that a failure names.
func TestMatchAgreesWithReferenceAtLength(t *testing.T) {
	pairs := 200_000
	if v := os.Getenv("BIDHAWK_TARGETING_PAIRS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatalf("BIDHAWK_TARGETING_PAIRS=%q: want a number", v)
		}
		pairs = n
	}
	var seen tally
	var scratch Scratch
	for seed := uint64(1); seen.pairs < pairs; seed++ {
		s := seededSource(seed)
		one := agree(named{t, seed}, s, &scratch, 1+s(150), 15)
		seen.pairs += one.pairs
		seen.matches += one.matches
	}
	t.Logf("%d pairs, %d match", seen.pairs, seen.matches)
	if seen.matches*50 < seen.pairs {
		t.Errorf("%d of %d pairs match; want 2%% at least, or little is tested", seen.matches, seen.pairs)
	}
}

// failer is what *testing.T and *rapid.T share.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// named prefixes failures with the seed.
type named struct {
	failer
	seed uint64
}

func (n named) Fatalf(format string, args ...any) {
	n.Helper()
	n.failer.Fatalf("seed %d: "+format, append([]any{n.seed}, args...)...)
}

func TestExplainAgreesWithReference(t *testing.T) {
	f := func(t failer, s source, lines, requests int) {
		cat, tags := emptyCatalog(), taxonomy()
		s.world(cat, 1, lines)
		ix, err := Build(cat, Params{Tags: tags, Now: epoch, common: 1 + s(4)})
		if err != nil {
			t.Fatal(err)
		}
		var scratch Scratch
		for range requests {
			req, imp := s.request(), s.imp()
			rows := ix.Match(nil, &scratch, req, imp)
			for id := range cat.LineItems {
				row, _ := ix.Row(id)
				got := ix.Explain(req, imp, id)
				if want := refusedBy(ix.Line(row).Lineage, tags, req, imp); !slices.Equal(got, want) {
					t.Fatalf("line item %d: Explain = %v; want %v\ntargeting %+v\nrequest %+v\nimp %+v",
						id, got, want, cat.LineItems[id].Targeting, req, imp)
				}
				if slices.Contains(rows, row) != (len(got) == 0) {
					t.Fatalf("line item %d: matches = %v, but Explain = %v", id, slices.Contains(rows, row), got)
				}
			}
		}
	}
	for seed := range uint64(40) {
		f(named{t, seed}, seededSource(seed), 40, 5)
	}
	rapid.Check(t, func(t *rapid.T) { f(t, rapidSource(t), 2, 2) })
}

// matched are the ids of the line items that want an impression.
func matched(t failer, cat *campaigns.Catalog, req *RequestFacts, imp *ImpFacts) map[campaigns.ID]bool {
	t.Helper()
	ix, err := Build(cat, Params{Tags: taxonomy(), Now: epoch})
	if err != nil {
		t.Fatal(err)
	}
	out := map[campaigns.ID]bool{}
	for _, row := range ix.Match(nil, &Scratch{}, req, imp) {
		out[ix.Line(row).LineItem.ID] = true
	}
	return out
}

func TestAddingALineItemChangesNoOther(t *testing.T) {
	for seed := range uint64(300) {
		s := seededSource(seed)
		cat := emptyCatalog()
		s.world(cat, 1, 30)
		req, imp := s.request(), s.imp()
		before := matched(t, cat, req, imp)
		s.world(cat, 31, 1+s(40))
		after := matched(t, cat, req, imp)
		for id := campaigns.ID(1); id <= 30; id++ {
			if before[id] != after[id] {
				t.Fatalf("seed %d: line item %d: matches = %v before others came, %v after", seed, id, before[id], after[id])
			}
		}
	}
}

func TestOrderOfLineItemsIsIrrelevant(t *testing.T) {
	for seed := range uint64(300) {
		s := seededSource(seed)
		cat := emptyCatalog()
		s.world(cat, 1, 50)
		reversed := *cat
		reversed.LineItems = map[campaigns.ID]*campaigns.LineItem{}
		for id, li := range cat.LineItems {
			other := *li
			other.ID, other.MaxBid = 51-id, 10-li.MaxBid
			reversed.LineItems[other.ID] = &other
		}
		req, imp := s.request(), s.imp()
		one, two := matched(t, cat, req, imp), matched(t, &reversed, req, imp)
		for id := range cat.LineItems {
			if one[id] != two[51-id] {
				t.Fatalf("seed %d: line item %d: matches = %v, and %v in the reverse order", seed, id, one[id], two[51-id])
			}
		}
	}
}

// TestExclusionWins lets a line item that matches exclude what it includes.
func TestExclusionWins(t *testing.T) {
	tried := 0
	for seed := range uint64(2000) {
		s := seededSource(seed)
		cat := emptyCatalog()
		s.world(cat, 1, 1)
		req, imp := s.request(), s.imp()
		if !matched(t, cat, req, imp)[1] {
			continue
		}
		target := &cat.LineItems[1].Targeting
		for _, alternatives := range [][]*campaigns.Set{
			{&target.Countries}, {&target.Regions}, {&target.Cities}, {&target.Domains, &target.Bundles}, {&target.Categories},
		} {
			asked := false
			var before []campaigns.Set
			for _, set := range alternatives {
				asked = asked || len(set.Include) > 0
				before = append(before, *set)
				set.Exclude = set.Include
			}
			if asked {
				tried++
				if matched(t, cat, req, imp)[1] {
					t.Fatalf("seed %d: matches though it excludes what it includes: %+v", seed, before)
				}
			}
			for i, set := range alternatives {
				*set = before[i]
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d line items were tried", tried)
	}
}
