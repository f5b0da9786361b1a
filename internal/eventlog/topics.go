package eventlog

import "time"

// The topics of the house. Keys and payloads are documented in docs/topics.md.
const (
	TopicBehaviour   = "behaviour"    // key user
	TopicProfiles    = "profiles"     // key user, compacted
	TopicCampaigns   = "campaigns"    // key entity ("line_item/12"), compacted
	TopicMoney       = "money"        // key advertiser; retention forever
	TopicPostings    = "postings"     // key advertiser: what the ledger decided, for reports
	TopicExposures   = "exposures"    // key user
	TopicConversions = "conversions"  // key user (or order where there is none)
	TopicAttributed  = "attributed"   // key conversion
	TopicAuctions    = "auctions"     // bid counts and sampled bids
	TopicBrakes      = "brakes"       // key kill switch: trips of breakers
	TopicModels      = "models"       // key model, compacted
	TopicDeadLetters = "dead-letters" // key source topic
)

// Topics is every topic's configuration. The partition count of money is fixed
// for the life of an installation.
func Topics(partitions int32) []TopicConfig {
	day := 24 * time.Hour
	return []TopicConfig{
		{Name: TopicBehaviour, Partitions: partitions, Retention: 30 * day},
		{Name: TopicProfiles, Partitions: partitions, Compacted: true},
		{Name: TopicCampaigns, Partitions: 1, Compacted: true},
		{Name: TopicMoney, Partitions: partitions},
		{Name: TopicPostings, Partitions: partitions, Retention: 90 * day},
		{Name: TopicExposures, Partitions: partitions, Retention: 90 * day},
		{Name: TopicConversions, Partitions: partitions, Retention: 90 * day},
		{Name: TopicAttributed, Partitions: partitions, Retention: 90 * day},
		{Name: TopicAuctions, Partitions: partitions, Retention: 7 * day},
		{Name: TopicBrakes, Partitions: 1, Retention: 30 * day},
		{Name: TopicModels, Partitions: 1, Compacted: true},
		{Name: TopicDeadLetters, Partitions: 1, Retention: 30 * day},
	}
}
