package pacing

// simFault is a kind of fault that the simulation injects.
type simFault uint8

const (
	faultNoticeLost simFault = iota
	faultNoticeTwice
	faultNoticeLate
	faultNoticePastHard
	faultNoticeRefused
	faultNoticeUnanswered
	faultLossLost
	faultLossTwice
	faultLossThenBill
	faultPriceAbove
	faultPriceZeroFirst
	faultPriceUnreplaced
	faultClickFirst
	faultOrderTwice
	faultAppendPartial
	faultAppendTwice
	faultPostingsLate
	faultLogCut
	faultSpilled
	faultSpillTwice
	faultSpillAfterCrash
	faultReturnLost
	faultRequestLost
	faultAnswerLost
	faultAnswerGone
	faultAnswerLate
	faultStaleOwnerAsked
	faultNodeKilled
	faultNodePaused
	faultPacerKilled
	faultPacerPaused
	faultOwnerMoved
	faultOwnerMovedMidGrant
	faultFenced
	faultSnapshotCut
	faultSnapshotOlder
	faultDiskLost
	faultClockJump
	faultUnknownRecord
	faultShardStopped
	faultBudgetEdit
	faultBudgetCut
	faultDateEdit
	faultZoneEdit
	faultPricingEdit
	faultSwitchEdit
	faultFlightEdit
	faultEditRefused
	faultPaid
	faultAdjusted
	simFaults
)

var simFaultNames = [simFaults]string{
	"notice lost", "notice sent twice", "notice after the close", "notice past hard", "notice at a dead node", "notice durable but not answered",
	"loss notice lost", "loss notice twice", "loss, then bill", "price above the reserved", "price 0 first", "price macro unreplaced", "event before its bill", "order of another conversion",
	"append took a part", "append taken twice", "postings published late", "process cut from the log", "notice spilled", "spill drained twice", "spill outlives its process", "return lost",
	"lease request lost", "lease answer lost", "lease answer to nobody", "lease answer late", "former owner asked",
	"bidder killed", "bidder paused", "pacer killed", "pacer paused", "owner moved", "owner moved in mid-grant", "owner fenced",
	"snapshot cut off", "older snapshot restored", "disk lost", "clock jumped", "record of an unknown type", "shard stopped by it",
	"budget edited", "budget cut below what is pending", "dates edited", "zone edited", "pricing edited", "paused, resumed or killed", "flights edited", "edit refused by a pacer", "paid or paid back", "adjusted by the operator",
}

func (k simFault) String() string { return simFaultNames[k] }
