package node

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"sort"

	"bidhawk/bidder/rates"
	"bidhawk/bidder/traffic"
	"bidhawk/internal/money"
	"bidhawk/pacing"
)

// writeMetrics writes every figure of the node as samples for writeExposition.
func (n *Node) writeMetrics(w io.Writer) {
	gauge := func(name string, v any) { fmt.Fprintf(w, "%s %v\n", name, v) }
	ready := 0
	if n.Ready() == nil {
		ready = 1
	}
	gauge("bidhawk_ready", ready)
	gauge("bidhawk_dead_letters_total", n.deadLetters.Load())
	if n.feed != nil {
		gauge("bidhawk_campaign_records_skipped_total", n.feed.Skipped())
		n.writeBrakeMetrics(w)
	}
	n.writeLogMetrics(w, gauge)
	if n.bidder != nil {
		n.bidder.Metrics().WritePrometheus(w)
		gauge("bidhawk_config_generation", n.bidder.Generation())
		gauge("bidhawk_frequency_keys", n.frequency.Len())
		gauge("bidhawk_frequency_left_out_total", n.exposures.NoRoom())
		gauge("bidhawk_feed_lag_records{feed=\"exposures\"}", n.exposures.Lag())
		n.writeWalletMetrics(gauge)
		n.writeProfileMetrics(gauge)
		n.writeInventoryMetrics(w, gauge)
	}
	if n.pacer != nil {
		n.writeMoneyMetrics(w, gauge)
	}
	if n.builder != nil {
		gauge("bidhawk_feed_lag_records{feed=\"behaviour\"}", n.builder.Stats().BehaviourLag)
	}
	if n.reports != nil {
		n.writeReportMetrics(gauge)
	}

	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	gauge("go_goroutines", runtime.NumGoroutine())
	gauge("go_memstats_heap_inuse_bytes", m.HeapInuse)
	gauge("go_memstats_sys_bytes", m.Sys)
	gauge("go_gc_cycles_total", m.NumGC)
}

func (n *Node) writeInventoryMetrics(w io.Writer, gauge func(string, any)) {
	v, now := &n.inventory, Clock()
	stats := v.traffic.Stats()
	for _, verdict := range traffic.Verdicts() {
		fmt.Fprintf(w, "bidhawk_traffic_refused_total{verdict=%q} %d\n", verdict, stats.Counts[verdict])
	}
	gauge("bidhawk_traffic_lookup_errors_total", stats.Broken)
	v.users.WritePrometheus(w)
	v.syncer.WritePrometheus(w)
	m := n.profileStore.MatchStats()
	gauge("bidhawk_matches", m.Matches)
	o := v.offers.Stats()
	gauge("bidhawk_offers_other_path_total", o.Refused)
	gauge("bidhawk_offers_evicted_total", o.Evicted)
	table := v.fx.Current()
	gauge("bidhawk_rates_age_seconds", int64(table.Age(now).Seconds()))
	for _, state := range []rates.State{rates.Fresh, rates.Stale, rates.Refused} {
		in := 0
		if v.fx.State(now) == state {
			in = 1
		}
		fmt.Fprintf(w, "bidhawk_rates_state{state=%q} %d\n", state, in)
	}
	r := v.sellers.Load().Report()
	gauge("bidhawk_seller_files{kind=\"ads_txt\"}", r.Sites)
	gauge("bidhawk_seller_files{kind=\"app_ads_txt\"}", r.Developers)
	gauge("bidhawk_seller_files{kind=\"sellers_json\"}", r.Systems)
	gauge("bidhawk_seller_files_unusable", r.Stale+r.Broken)
}

func (n *Node) writeLogMetrics(w io.Writer, gauge func(string, any)) {
	s := n.publisher.Stats()
	gauge("bidhawk_publisher_queue_messages", s.OfferedMessages)
	gauge("bidhawk_publisher_queue_bytes", s.OfferedBytes)
	gauge("bidhawk_spill_records", s.SpillRecords)
	gauge("bidhawk_spill_bytes", s.SpillBytes)
	gauge("bidhawk_published_total", s.Appended)
	gauge("bidhawk_spilled_total", s.Spilled)
	gauge("bidhawk_publish_errors_total", s.AppendErrors+s.SpillErrors)
	for _, topic := range sortedKeys(s.Dropped) {
		fmt.Fprintf(w, "bidhawk_publisher_dropped_total{topic=%q} %d\n", topic, s.Dropped[topic])
	}
}

func (n *Node) writeWalletMetrics(gauge func(string, any)) {
	s := n.wallet.Stats()
	gauge("bidhawk_wallet_requests_total", s.Requests)
	gauge("bidhawk_wallet_failures_total", s.Failures)
	gauge("bidhawk_wallet_leases_total", s.Leases)
	gauge("bidhawk_wallet_line_items", s.LineItems)
	if n.leases != nil {
		gauge("bidhawk_wallet_partitions_owned", n.leases.Owned())
	}
}

func (n *Node) writeMoneyMetrics(w io.Writer, gauge func(string, any)) {
	s := n.pacer.Stats()
	gauge("bidhawk_ledger_records_total", s.Records)
	gauge("bidhawk_ledger_leases_total", s.Leases)
	gauge("bidhawk_ledger_open_leases", s.OpenLeases)
	gauge("bidhawk_ledger_partitions_stopped", s.Stopped)
	for _, o := range sortedKeys(s.Outcomes) {
		fmt.Fprintf(w, "bidhawk_ledger_outcomes_total{outcome=%q} %d\n", o, s.Outcomes[o])
	}
	gauge("bidhawk_ledger_fenced_total", s.Fenced)
	owned := 0
	for _, p := range n.pacer.State() {
		if p.Role == pacing.RoleOwner {
			owned++
		}
	}
	gauge("bidhawk_ledger_partitions_owned", owned)
	gauge("bidhawk_ledger_partitions", n.pacer.Partitions())
	figures := n.pacer.Figures()
	for _, p := range figures.Payables {
		fmt.Fprintf(w, "bidhawk_payable_nanos{exchange=%q,currency=%q} %v\n", p.Exchange, p.Currency, p.Owed)
	}
	for _, b := range figures.Accounts {
		if b.Level != pacing.LevelLineItem {
			continue
		}
		labels := fmt.Sprintf("{advertiser=\"%d\",campaign=\"%d\",line_item=\"%d\",currency=%q}", b.Advertiser, b.Campaign, b.LineItem, b.Currency)
		fmt.Fprintf(w, "bidhawk_charge_nanos%s %d\n", labels, int64(b.Lifetime.Posted))
		fmt.Fprintf(w, "bidhawk_media_cost_nanos%s %d\n", labels, int64(b.Media.Posted))
		if left, bounded := remaining(b); bounded {
			fmt.Fprintf(w, "bidhawk_budget_remaining_nanos%s %d\n", labels, int64(left))
		}
		fmt.Fprintf(w, "bidhawk_house_late_nanos%s %v\n", labels, b.Late)
		fmt.Fprintf(w, "bidhawk_house_unbilled_nanos%s %v\n", labels, b.Unbilled)
	}
	for _, p := range figures.Plans {
		fmt.Fprintf(w, "bidhawk_pacing_ratio{line_item=\"%d\",pacing=%q} %g\n", p.LineItem, p.Pacing, float64(p.Ratio())/1e6)
	}
}

// remaining is what is left of the tighter of an account's own two budgets.
func remaining(b pacing.AccountBalance) (left money.Nanos, bounded bool) {
	for _, h := range []pacing.Horizon{b.Today, b.Lifetime} {
		if h.Limit > 0 && (!bounded || h.Limit-h.Posted < left) {
			left, bounded = h.Limit-h.Posted, true
		}
	}
	return left, bounded
}

func (n *Node) writeProfileMetrics(gauge func(string, any)) {
	s := n.profileStore.Stats()
	gauge("bidhawk_profile_reads_total{from=\"memory\"}", s.Hits)
	gauge("bidhawk_profile_reads_total{from=\"disk\"}", s.Misses)
	gauge("bidhawk_profile_reads_total{from=\"none\"}", s.Unknown)
	gauge("bidhawk_profile_read_errors_total", s.ReadErrors)
	gauge("bidhawk_profiles", s.Users)
	gauge("bidhawk_profile_disk_bytes", s.DiskBytes)
	gauge("bidhawk_profile_cache_bytes", s.CacheBytes)
	f := n.profileFeed.Stats()
	gauge("bidhawk_feed_lag_records{feed=\"profiles\"}", f.Lag)
	gauge("bidhawk_profile_updates_total{result=\"applied\"}", f.Applied)
	gauge("bidhawk_profile_updates_total{result=\"stale\"}", f.Stale)
	gauge("bidhawk_profile_updates_total{result=\"dead\"}", f.Dead)
}

func (n *Node) writeReportMetrics(gauge func(string, any)) {
	s := n.reports.Stats()
	gauge("bidhawk_report_records_total", s.Records)
	gauge("bidhawk_report_dead_letters_total", s.DeadLetters)
	gauge("bidhawk_dedup_hits_total{kind=\"exposure\"}", s.DuplicateExposures)
	gauge("bidhawk_dedup_hits_total{kind=\"posting\"}", s.DuplicatePostings)
	gauge("bidhawk_dedup_hits_total{kind=\"auction\"}", s.DuplicateAuctions)
	gauge("bidhawk_dedup_hits_total{kind=\"conversion\"}", s.DuplicateConversions)
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] })
	return slices.Clip(keys)
}
