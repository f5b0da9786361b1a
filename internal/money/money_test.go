package money

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseMicros(t *testing.T) {
	f := func(text string, down, up int64) {
		t.Helper()
		gotDown, err := ParseMicros([]byte(text), RoundDown)
		if err != nil {
			t.Fatal(err)
		}
		gotUp, err := ParseMicros([]byte(text), RoundUp)
		if err != nil {
			t.Fatal(err)
		}
		if gotDown != down || gotUp != up {
			t.Fatalf("%s: got %d and %d; want %d and %d", text, gotDown, gotUp, down, up)
		}
	}
	f("0", 0, 0)
	f("-0", 0, 0)
	f("2.5", 2_500_000, 2_500_000)
	f("0.72", 720_000, 720_000)
	f("1e2", 100_000_000, 100_000_000)
	f("1.5E-3", 1_500, 1_500)
	f("0.0000001", 0, 1)
	f("0.1234567", 123_456, 123_457)
	f("1e-400", 0, 1)
	f("-1.25", -1_250_000, -1_250_000)
	f("0.30000000000000000000000000000000000001", 300_000, 300_001)
	f("9223372036854.775806", math.MaxInt64-1, math.MaxInt64-1)
	f("0e999999999", 0, 0)
	f("00001.5", 1_500_000, 1_500_000)
}

func TestParseMicrosRefuses(t *testing.T) {
	f := func(text string, want error) {
		t.Helper()
		if _, err := ParseMicros([]byte(text), RoundUp); !errors.Is(err, want) {
			t.Fatalf("%q: got %v; want %v", text, err, want)
		}
	}
	for _, s := range []string{"", "-", ".", ".5", "5.", "1.2.3", "1e", "1e+", "0x1", "1_0", " 1", "1 ", "+1", "NaN", "Infinity", "1,5"} {
		f(s, ErrSyntax)
	}
	f("9223372036854.775808", ErrOverflow)
	f("1e300", ErrOverflow)
	f("99999999999999999999999999", ErrOverflow)
}

func TestParseAmount(t *testing.T) {
	f := func(text string, want Nanos, wantErr error) {
		t.Helper()
		if got, err := ParseAmount([]byte(text)); got != want || !errors.Is(err, wantErr) {
			t.Errorf("%s: got %d, %v; want %d, %v", text, got, err, want, wantErr)
		}
	}
	f("12.5", 12_500_000_000, nil)
	f("-0.000000001", -1, nil)
	f("0.0000000010", 1, nil)
	f("0.0000000001", 0, ErrPrecision)
	f("-1.0000000001", 0, ErrPrecision)
	f("10000000000", 0, ErrOverflow)
	f("", 0, ErrSyntax)
	f("1,5", 0, ErrSyntax)
}

// exact is the value of text in units of 10^-scale, rounded as told.
func exact(text string, scale int64, r Rounding) (*big.Int, bool) {
	rat, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, false
	}
	neg := rat.Sign() < 0
	rat.Abs(rat).Mul(rat, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(scale), nil)))
	q, rem := new(big.Int).QuoRem(rat.Num(), rat.Denom(), new(big.Int))
	if r == RoundUp && rem.Sign() > 0 {
		q.Add(q, big.NewInt(1))
	}
	if neg {
		q.Neg(q)
	}
	return q, true
}

func TestParseAgreesWithRationals(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,22}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?`).Draw(r, "text")
		round := Rounding(rapid.IntRange(0, 1).Draw(r, "rounding"))
		want, _ := exact(text, 9, round)
		got, err := ParseNanos([]byte(text), round)
		if err != nil {
			if limit := big.NewInt(math.MaxInt64 - 1); want.CmpAbs(limit) <= 0 {
				r.Fatalf("%s: %v; want %v", text, err, want)
			}
			return
		}
		if want.Cmp(big.NewInt(got)) != 0 {
			r.Fatalf("%s: got %d; want %v", text, got, want)
		}
	})
}

func FuzzParseMicros(f *testing.F) {
	for _, s := range []string{"0", "1.5", "1e-7", "-2.25e3", "9223372036854.775806", "1e99999", ".", "1.e5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseMicros([]byte(s), RoundDown)
		if err != nil {
			return
		}
		if _, err := strconv.ParseFloat(s, 64); err != nil && !errors.Is(err, strconv.ErrRange) {
			t.Fatalf("%q: accepted as %d, and is no number", s, got)
		}
		if len(s) > 40 || strings.ContainsAny(s, "eE") {
			return // rationals of huge exponents take forever
		}
		if want, _ := exact(s, 6, RoundDown); want.Cmp(big.NewInt(got)) != 0 {
			t.Fatalf("%q: got %d; want %v", s, got, want)
		}
	})
}

func TestAppendComesBack(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		v := rapid.Int64Range(-math.MaxInt64+1, math.MaxInt64-1).Draw(r, "v")
		text := AppendMicros(nil, v)
		if back, err := ParseMicros(text, RoundDown); err != nil || back != v {
			r.Fatalf("%d: %s comes back as %d, %v", v, text, back, err)
		}
		if !json.Valid(text) {
			r.Fatalf("%s is no JSON number", text)
		}
	})
	f := func(n Nanos, want string) {
		t.Helper()
		if got := n.String(); got != want {
			t.Fatalf("got %s; want %s", got, want)
		}
	}
	f(0, "0")
	f(12_500_000_000, "12.5")
	f(-1, "-0.000000001")
	f(math.MinInt64, "-9223372036.854775808")
}

func TestAddReportsOverflow(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		edge := rapid.Custom(func(r *rapid.T) int64 {
			return rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{0, 1, -1, math.MaxInt64, math.MinInt64})).Draw(r, "n")
		})
		a, b := edge.Draw(r, "a"), edge.Draw(r, "b")
		sum := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		got, err := Add(Nanos(a), Nanos(b))
		if sum.IsInt64() != (err == nil) || err == nil && sum.Int64() != int64(got) {
			r.Fatalf("%d + %d: got %d, %v; want %v", a, b, got, err, sum)
		}
	})
}

func TestMulDivAgreesWithBigIntegers(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a, num := rapid.Int64Range(0, math.MaxInt64).Draw(r, "a"), rapid.Int64Range(0, math.MaxInt64).Draw(r, "num")
		den := rapid.Int64Range(1, math.MaxInt64).Draw(r, "den")
		q, rem := new(big.Int).QuoRem(new(big.Int).Mul(big.NewInt(a), big.NewInt(num)), big.NewInt(den), new(big.Int))
		got, err := MulDiv(a, num, den)
		if q.IsInt64() != (err == nil) || err == nil && q.Int64() != got {
			r.Fatalf("got %d, %v; want %v", got, err, q)
		}
		if rem.Sign() > 0 {
			q.Add(q, big.NewInt(1))
		}
		got, err = MulDivUp(a, num, den)
		if q.IsInt64() != (err == nil) || err == nil && q.Int64() != got {
			r.Fatalf("rounded up: got %d, %v; want %v", got, err, q)
		}
	})
	for _, bad := range [][3]int64{{-1, 1, 1}, {1, -1, 1}, {1, 1, 0}, {1, 1, -1}} {
		if _, err := MulDiv(bad[0], bad[1], bad[2]); !errors.Is(err, ErrOverflow) {
			t.Fatalf("%v: got %v; want ErrOverflow", bad, err)
		}
	}
}

func TestOneImpressionAtOneMicroCostsOneNano(t *testing.T) {
	if got := CPM(1).PerImpression(); got != 1 {
		t.Fatalf("got %d; want 1", got)
	}
	if got, err := PPM(150_000).Of(2*Unit + 1); err != nil || got != 300_000_000 {
		t.Fatalf("15%%: got %d, %v; want 300000000, rounded down", got, err)
	}
}

func TestConvertCoversTheCost(t *testing.T) {
	f := func(r Rate, n, want Nanos) {
		t.Helper()
		if got, err := r.Convert(n); err != nil || got != want {
			t.Fatalf("%d at %d: got %d, %v; want %d", n, r, got, err, want)
		}
	}
	f(One, 7, 7)
	f(1_100_000_000, 10, 11)
	f(1_100_000_000, 1, 2) // 1.1, rounded up
	f(6_600_000, 1_000_000, 6_600)
	if _, err := Rate(math.MaxInt64).Convert(math.MaxInt64); !errors.Is(err, ErrOverflow) {
		t.Fatalf("got %v; want ErrOverflow", err)
	}
}

func TestCurrency(t *testing.T) {
	for _, bad := range []string{"", "US", "usd", "USDX", "U1D", "ÜSD"} {
		if _, err := ParseCurrency(bad); err == nil {
			t.Errorf("%q: want an error", bad)
		}
	}
	var v struct{ C Currency }
	if err := json.Unmarshal([]byte(`{"C":"EUR"}`), &v); err != nil || v.C.String() != "EUR" {
		t.Fatalf("got %v, %v", v.C, err)
	}
	if b, _ := json.Marshal(v); string(b) != `{"C":"EUR"}` {
		t.Fatalf("got %s", b)
	}
}
