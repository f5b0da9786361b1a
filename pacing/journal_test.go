package pacing

import (
	"strings"
	"testing"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
	"bidhawk/pacing/audit/tape"
)

// Debit is credit in every posting and currency, and the accounts that the legs
// add up to are the ledger's, on random logs.
func TestLegsBalance(t *testing.T) {
	for seed := range uint64(agreeSeeds()) {
		x, l := tape.New(seed), newLedger(0)
		sums := map[string]money.Wide{}
		moved := 0
		for range 3000 {
			r := eventlog.Record{Topic: eventlog.TopicMoney, Value: x.Next()}
			r.Offset = x.Offset
			e, err := l.apply(&r)
			if err != nil {
				t.Fatalf("seed %d offset %d: %v\n%s", seed, x.Offset, err, r.Value)
			}
			if e.posting == nil {
				continue
			}
			legs := e.posting.Legs()
			balance := map[money.Currency]money.Wide{}
			for _, leg := range legs {
				if leg.Currency == (money.Currency{}) {
					t.Fatalf("seed %d offset %d: %s has no currency", seed, x.Offset, leg.Account)
				}
				balance[leg.Currency] = balance[leg.Currency].Plus(leg.Amount)
				sums[leg.Account] = sums[leg.Account].Plus(leg.Amount)
			}
			for cur, n := range balance {
				if n.Sign() != 0 {
					t.Fatalf("seed %d offset %d: %v is off by %v in %+v", seed, x.Offset, cur, n, legs)
				}
			}
			if len(legs) > 0 {
				moved++
			}
		}
		if moved < 100 {
			t.Fatalf("seed %d: only %d postings moved money", seed, moved)
		}
		if faults := compareLegs(l, sums); len(faults) > 0 {
			t.Fatalf("seed %d: %v", seed, faults)
		}
	}
}

// compareLegs names the accounts where sums of legs are not the ledger's balance.
func compareLegs(l *ledger, sums map[string]money.Wide) (faults []string) {
	totals := Totals{Next: map[int32]int64{}, Accounts: map[string]money.Wide{}}
	l.totals(totals)
	want := map[string]money.Wide{}
	for name, n := range totals.Accounts {
		parts := strings.Split(name, "/")
		switch {
		case parts[0] == "payable":
			want[name] = n.Neg()
		case parts[0] == "fx":
			want[name] = n
		case parts[0] == string(LevelAdvertiser) && strings.HasSuffix(name, "/charge/posted"):
			want["advertiser/"+parts[1]+"/receivable"] = want["advertiser/"+parts[1]+"/receivable"].Plus(n)
		case parts[0] == string(LevelAdvertiser) && parts[2] == "paid":
			want["advertiser/"+parts[1]+"/receivable"] = want["advertiser/"+parts[1]+"/receivable"].Plus(n.Neg())
		case parts[0] == string(LevelLineItem) && (parts[2] == "house_late" || parts[2] == "house_unbilled"):
			want[name] = n
		case parts[0] == string(LevelLineItem) && (parts[2] == "data_fee" || parts[2] == "platform_fee" || parts[2] == "margin"):
			want[name] = n.Neg()
		}
	}
	for name := range want {
		if sums[name] != want[name] {
			faults = append(faults, name+": legs "+sums[name].String()+"; ledger "+want[name].String())
		}
	}
	for name, n := range sums {
		if _, ok := want[name]; !ok && n.Sign() != 0 && !strings.HasPrefix(name, "bank/") {
			faults = append(faults, name+": legs "+n.String()+"; the ledger has no such account")
		}
	}
	return faults
}

func TestLegsOfOnePosting(t *testing.T) {
	eur := money.Currency{'E', 'U', 'R'}
	f := func(p Posting, want string) {
		t.Helper()
		var got []string
		for _, leg := range p.Legs() {
			got = append(got, leg.Account+" "+leg.Amount.String()+" "+leg.Currency.String())
		}
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("got  %s\nwant %s", s, want)
		}
	}
	p := Posting{Type: TypeBill, Advertiser: 3, LineItem: 9, Exchange: "demo", Currency: money.USD, PayableCurrency: money.USD,
		Charge: 90, HouseLate: 10, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 9, Margin: 26}
	f(p, "advertiser/3/receivable 90 USD; line_item/9/house_late 10 USD; line_item/9/data_fee -5 USD; line_item/9/platform_fee -9 USD; "+
		"line_item/9/margin -26 USD; payable/demo/USD -60 USD")
	p = Posting{Type: TypeBill, Advertiser: 3, LineItem: 9, Exchange: "demo", Currency: money.USD, PayableCurrency: eur, Charge: 70, Media: 60, Payable: 50, Margin: 10}
	f(p, "advertiser/3/receivable 70 USD; line_item/9/margin -10 USD; payable/demo/EUR -50 EUR; fx/USD -60 USD; fx/EUR 50 EUR")
	f(Posting{Type: TypePayment, Advertiser: 3, Currency: eur, Payment: 500}, "advertiser/3/receivable -500 EUR; bank/EUR 500 EUR")
	f(Posting{Type: TypeClosing, Advertiser: 3, Currency: eur, Charge: 500, Media: 3}, "")
	f(Posting{Type: TypeBill, Advertiser: 3, Currency: eur, Outcome: OutcomePastHard, Claimed: 5}, "")
}
