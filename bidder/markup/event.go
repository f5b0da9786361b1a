package markup

// Event names what a tracker reports, as its address does:
// PublicURL/t/event/{name}/{token}. Media players call video's own at most once
// per view; who counts them drops repeats.
type Event string

// The events that markup tracks.
const (
	EventStart         Event = "start"
	EventFirstQuartile Event = "firstQuartile"
	EventMidpoint      Event = "midpoint"
	EventThirdQuartile Event = "thirdQuartile"
	EventComplete      Event = "complete"
	EventSkip          Event = "skip"
	EventError         Event = "error" // with ?code=, the player's VAST error code
	EventViewable      Event = "viewable"
	EventCreativeView  Event = "creativeView"     // a non-linear ad is shown
	EventAccept        Event = "acceptInvitation" // somebody opened a non-linear ad
	EventClose         Event = "close"
	EventCompanion     Event = "companionView" // a companion is shown
	EventEngaged       Event = "engaged"       // with ?ms=: how long a banner was in view, all in all
)

// Events lists all of them.
func Events() []Event {
	return []Event{
		EventStart, EventFirstQuartile, EventMidpoint, EventThirdQuartile, EventComplete, EventSkip, EventError,
		EventViewable, EventCreativeView, EventAccept, EventClose, EventCompanion, EventEngaged,
	}
}

// eventPath is what stands between the public address and an event's name.
const eventPath = "/t/event/"
