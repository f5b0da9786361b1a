package profiles

// StoreStats is a store's state for metrics. Counters start at 0 with the
// process.
type StoreStats struct {
	Hits       uint64 // look-ups answered from memory
	Misses     uint64 // look-ups answered from disk
	Unknown    uint64 // look-ups of users without a profile
	ReadErrors uint64 // look-ups that failed and counted as unknown
	Users      int    // about how many profiles are stored
	DiskBytes  uint64 // what the store's files take
	CacheBytes int64  // what the records in memory take, overhead included
	// FilterReady is false while the filter is filled after a start, and stays
	// so after ScanError: unknown users then cost a read each.
	FilterReady bool
	ScanError   error
}

// Stats reads the counters. It takes microseconds: for metrics, not for bids.
func (s *Store) Stats() StoreStats {
	st := StoreStats{FilterReady: s.filter.ready.Load(), Users: s.filter.users()}
	for i := range s.gates {
		g := &s.gates[i]
		st.Hits += g.hits.Load()
		st.Misses += g.misses.Load()
		st.Unknown += g.unknown.Load()
		st.ReadErrors += g.failed.Load()
	}
	if p := s.scanErr.Load(); p != nil {
		st.ScanError = *p
	}
	g := &s.gates[0]
	g.mu.RLock()
	defer g.mu.RUnlock()
	if !g.closed {
		st.DiskBytes = s.db.Metrics().DiskSpaceUsage()
		st.CacheBytes = s.hot.cache.MaxCost() - s.hot.cache.RemainingCost()
	}
	return st
}
