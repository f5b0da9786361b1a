package frequency

import (
	"fmt"
	"testing"

	"bidhawk/campaigns"
)

// BenchmarkTake is what caps cost a bid that is sent: Take, and its Release in place
// of an impression. Users are a million, each known towards every cap.
func BenchmarkTake(b *testing.B) {
	levels := [LevelCount][]campaigns.Cap{}
	for n, add := range []func(){
		func() {},
		func() { levels[LevelLineItem] = []campaigns.Cap{rolling(5, "24h")} },
		func() {},
		func() {},
		func() {
			levels[LevelCreative], levels[LevelCampaign] = []campaigns.Cap{rolling(3, "1h")}, []campaigns.Cap{rolling(20, "7d")}
			levels[LevelAdvertiser] = []campaigns.Cap{rolling(50, "lifetime")}
		},
	} {
		add()
		if n != 0 && n != 1 && n != 4 {
			continue
		}
		caps := capsOf(levels)
		const users = 1 << 20
		c := New(Config{MaxKeys: 8 << 20, HoldFor: holdFor})
		for u := range uint64(users) {
			for i := range caps.User {
				st := State{}
				st.Add(&caps.User[i], start)
				c.Put(&caps.User[i], Subject{User, u}, st, false, start)
			}
		}
		b.Run(fmt.Sprintf("caps=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			u := uint64(0)
			for b.Loop() {
				u = (u + 0x9e3779b97f4a7c15) % users
				c.Take(&caps, user(u), start)
			}
			b.StopTimer()
			for u := range uint64(users) {
				c.Release(&caps, user(u))
			}
		})
		b.Run(fmt.Sprintf("caps=%d/hot", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Take(&caps, user(1), start)
				c.Release(&caps, user(1))
			}
		})
	}
}
