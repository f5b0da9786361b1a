package pacing

import (
	"testing"
	"time"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

// BenchmarkApply folds bills and losses, each of a bid of its own, as they are
// read from the log.
func BenchmarkApply(b *testing.B) {
	s := newScene(&testing.T{}, Terms{}, Terms{}, Terms{Lifetime: noLimit})
	var records []eventlog.Record
	notices := make([]Notice, 20_000)
	lease := s.lease(1_000_000)
	for i := range notices {
		notices[i] = s.notice(lease, uint64(i+1))
		notices[i].At, notices[i].Site = simStart, "news.example"
		typ := TypeBill
		if i%4 != 0 {
			typ = TypeLoss
		}
		value, err := encode(typ, &notices[i])
		if err != nil {
			b.Fatal(err)
		}
		records = append(records, eventlog.Record{Value: value})
	}
	run := func(b *testing.B, apply func(i int) error) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if i%len(records) == 0 { // the same bids again, in a new lease
				b.StopTimer()
				s.l.endPhase(TypeHard, &Phase{Advertiser: 1, Lease: lease})
				s.l.ended, s.l.dirtyBids = nil, s.l.dirtyBids[:0]
				s.l.lines[1].charge, s.l.lines[1].media = account{Daily: noLimit, Lifetime: noLimit}, account{Daily: noLimit, Lifetime: noLimit}
				s.offset = s.l.next
				lease = 812
				s.l.leases[lease] = hugeLease(s, lease)
				b.StartTimer()
			}
			if err := apply(i % len(records)); err != nil {
				b.Fatal(err)
			}
			i++
		}
		b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "records/s")
	}
	b.Run("read and fold", func(b *testing.B) {
		run(b, func(i int) error {
			d, err := decodeRecord(records[i].Value)
			if err != nil {
				return err
			}
			d.notice.Lease = lease
			_, err = s.l.fold(s.l.next, &d)
			return err
		})
	})
	b.Run("fold", func(b *testing.B) {
		run(b, func(i int) error {
			typ := TypeLoss
			if i%4 == 0 {
				typ = TypeBill
			}
			notices[i].Lease = lease
			_, err := s.l.notice(typ, &notices[i])
			return err
		})
	})
}

// hugeLease is an open lease that no number of bids uses up.
func hugeLease(s *scene, id int64) *lease {
	li := s.l.lines[1]
	held := Amounts{Media: 1 << 50, Charge: 1 << 50}
	w := when{Day: sceneDay}
	li.hold(w, held.Charge)
	li.media.hold(sceneDay, 0, held.Media)
	bk := s.l.books[1]
	bk.leased[sceneDay]++
	return &lease{id: id, owner: bk, day: sceneDay, windowMS: 1, bids: map[ids.BidID]bid{}, items: []leaseItem{{line: li, when: w, held: held}}}
}

// BenchmarkRestart loads a snapshot with a million dedup keys in 100 leases.
func BenchmarkRestart(b *testing.B) {
	const bids, leases = 1_000_000, 100
	db, err := openPebble(b.TempDir(), false)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s := newScene(&testing.T{}, Terms{}, Terms{}, Terms{Lifetime: noLimit})
	for range leases {
		id := s.lease(bids)
		for k := range bids / leases {
			n := ids.BidID{Incarnation: 1, Counter: uint64(k)}
			s.l.leases[id].bids[n] = bid{flags: bidBilled, media: 2_000_000, payable: 2_000_000}
			s.l.dirtyBids = append(s.l.dirtyBids, bidRef{s.l.leases[id], n})
		}
	}
	if err := db.commit(func(w snapWriter) error { return s.l.flush(w, 1) }); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		begin := time.Now()
		l, err := loadLedger(db, 0, 1)
		if err != nil || len(l.leases) != leases {
			b.Fatalf("%d leases, %v", len(l.leases), err)
		}
		b.ReportMetric(time.Since(begin).Seconds(), "s/load")
	}
}
