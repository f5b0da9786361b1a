package rates

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"bidhawk/internal/money"
)

var (
	eur = money.Currency{'E', 'U', 'R'}
	jpy = money.Currency{'J', 'P', 'Y'}
	xxx = money.Currency{'X', 'X', 'X'}
)

func fixed() *Table {
	return Fixed(map[money.Currency]money.Rate{eur: 1_080_000_000, jpy: 6_700_000})
}

func TestConvert(t *testing.T) {
	table := fixed()
	f := func(v money.CPM, from, to money.Currency, down, up money.CPM, ok bool) {
		t.Helper()
		gotDown, okDown := table.Convert(v, from, to, money.RoundDown)
		gotUp, okUp := table.Convert(v, from, to, money.RoundUp)
		if okDown != ok || okUp != ok || ok && (gotDown != down || gotUp != up) {
			t.Fatalf("%v %v -> %v: got %v (%v) and %v (%v); want %v and %v (%v)", v, from, to, gotDown, okDown, gotUp, okUp, down, up, ok)
		}
	}
	f(1_000_000, eur, money.USD, 1_080_000, 1_080_000, true)
	f(1_000_000, money.USD, eur, 925_925, 925_926, true)
	f(150_000_000, jpy, eur, 930_555, 930_556, true)
	f(1, jpy, money.USD, 0, 1, true)
	f(7, xxx, xxx, 7, 7, true) // what is in one currency needs no rate
	f(0, xxx, eur, 0, 0, true)
	f(7, xxx, eur, 0, 0, false)
	f(7, eur, xxx, 0, 0, false)
	f(-7, eur, jpy, 0, 0, false)
	f(1<<62, eur, jpy, 0, 0, false) // does not fit
}

func TestBetween(t *testing.T) {
	table := fixed()
	f := func(from, to money.Currency, want money.Rate, ok bool) {
		t.Helper()
		if got, gotOK := table.Between(from, to); gotOK != ok || got != want {
			t.Fatalf("%v -> %v: got %d, %v; want %d, %v", from, to, got, gotOK, want, ok)
		}
	}
	f(eur, money.USD, 1_080_000_000, true)
	f(money.USD, eur, 925_925_926, true)
	f(eur, eur, money.One, true)
	f(xxx, xxx, money.One, true)
	f(xxx, eur, 0, false)
	f(eur, xxx, 0, false)
}

func TestFixedIsItsOwn(t *testing.T) {
	mine := map[money.Currency]money.Rate{eur: 1}
	table := Fixed(mine)
	mine[jpy] = 1
	if table.Knows(jpy) || !table.Knows(eur) || !table.Knows(money.USD) || table.Len() != 2 {
		t.Fatal("a table must not follow the map it was made of, and must know the dollar")
	}
	if len(mine) != 2 {
		t.Fatal("the caller's map was changed")
	}
	if empty := Fixed(nil); empty.Len() != 1 || empty.Base() != money.USD {
		t.Fatal("no rates at all are the dollar alone")
	}
}

// The reference is the same sum in rationals.
func TestConvertAgreesWithRationals(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a := rapid.Int64Range(1, maxRate).Draw(r, "from")
		b := rapid.Int64Range(1, maxRate).Draw(r, "to")
		v := rapid.Int64Range(1, int64(money.MaxCPM)).Draw(r, "price")
		table := Fixed(map[money.Currency]money.Rate{eur: money.Rate(a), jpy: money.Rate(b)})
		f := func(want *big.Int, got int64, ok bool) {
			if want.IsInt64() != ok || ok && want.Int64() != got {
				r.Fatalf("got %d, %v; want %v", got, ok, want)
			}
		}
		exact := new(big.Rat).Mul(big.NewRat(v, 1), big.NewRat(a, b))
		down := new(big.Int).Quo(exact.Num(), exact.Denom())
		up := new(big.Int).Set(down)
		if !exact.IsInt() {
			up.Add(up, big.NewInt(1))
		}
		got, ok := table.Convert(money.CPM(v), eur, jpy, money.RoundDown)
		f(down, int64(got), ok)
		got, ok = table.Convert(money.CPM(v), eur, jpy, money.RoundUp)
		f(up, int64(got), ok)
	})
}
