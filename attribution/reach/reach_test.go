package reach

import (
	"math/rand/v2"
	"testing"
)

// TestReachIsWithinItsError adds users day by day, most of them again and again, and
// compares the merged sketches with the exact number.
func TestReachIsWithinItsError(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	worst := 0.0
	for _, n := range []int{1, 100, 5_000, 200_000} {
		days, exact := [3]*Day{NewDay(), NewDay(), NewDay()}, map[uint64]bool{}
		for range n * 2 {
			u := r.Uint64N(uint64(n)) + 1 // small numbers: keys need not be well spread
			exact[u] = true
			days[r.IntN(3)].Add(Key{Advertiser: 1, LineItem: int64(r.IntN(3))}, u, u/3+1)
		}
		total := NewDay()
		for _, d := range days {
			raw, err := d.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Read(raw)
			if err != nil {
				t.Fatal(err)
			}
			for k, row := range d.Rows {
				if got, want := back.Rows[k].Users.Count(), row.Users.Count(); got != want {
					t.Fatalf("%d users, %v: %d are read of %d written", n, k, got, want)
				}
			}
			for range 2 { // twice: unions are idempotent but for counts of impressions
				for k, row := range back.Rows {
					all := total.Rows[Key{}]
					if all == nil {
						all = new(Row)
						total.Rows[Key{}] = all
					}
					if err := all.Users.Merge(&row.Users); err != nil {
						t.Fatal(k, err)
					}
				}
			}
		}
		got, want := float64(total.Rows[Key{}].Users.Count()), float64(len(exact))
		off := max(got-want, want-got) / want
		worst = max(worst, off)
		if off > 4*ErrorPPM/1e6 {
			t.Errorf("%d users: got %.0f; want %.0f within four standard errors", n, got, want)
		}
	}
	t.Logf("largest error %.2f%%", 100*worst)
}

// TestFrequencyIsExactOfFewAndCloseOfMany compares histograms with exact ones.
func TestFrequencyIsExactOfFewAndCloseOfMany(t *testing.T) {
	const most = 5
	for _, users := range []int{1000, 300_000} {
		r := rand.New(rand.NewPCG(3, uint64(users)))
		days, seen := [2]*Sample{NewSample(), NewSample()}, make([]int, users)
		for range users * 2 {
			u := r.IntN(users)
			seen[u]++
			days[r.IntN(2)].Add(uint64(u)+1, 1)
		}
		var want [most]int64
		for _, n := range seen {
			if n > 0 {
				want[min(n, most)-1]++
			}
		}
		days[0].Merge(days[1])
		got, sampled := days[0].Frequency(most)
		for i := range want {
			off := float64(got[i]-want[i]) / float64(users)
			if users <= SampleUsers && got[i] != want[i] || off > 0.03 || off < -0.03 {
				t.Errorf("%d users, %d impressions: got %d; want %d", users, i+1, got[i], want[i])
			}
		}
		if users > SampleUsers && sampled != SampleUsers {
			t.Errorf("%d users are sampled; want %d", sampled, SampleUsers)
		}
	}
}

func FuzzRead(f *testing.F) {
	d := NewDay()
	for i := range uint64(50) {
		d.Add(Key{Advertiser: 1, Exchange: "demo"}, i+1, i/2+1)
	}
	raw, err := d.Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := Read(b); err == nil {
			if _, err := d.Append(nil); err != nil {
				t.Fatal(err)
			}
		}
	})
}
