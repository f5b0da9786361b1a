package campaigns

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

var (
	// ErrNotFound reports an id that no entity of the kind has.
	ErrNotFound = errors.New("not found")
	// ErrConflict reports an edit of a revision that is no longer the newest.
	ErrConflict = errors.New("changed by somebody else meanwhile")
	// ErrUnknownKey reports an API key that was never issued, or was revoked.
	ErrUnknownKey = errors.New("unknown API key")
	// ErrExpiredKey reports an API key whose time is over.
	ErrExpiredKey = errors.New("expired API key")
)

// Owner is whose an entity is. An agency is its own (Advertiser is 0), and an
// advertiser too. Owners never change.
type Owner struct {
	Agency     ID
	Advertiser ID
}

// ExternalScope is the owner within which external ids of kind k are unique: the
// installation for agencies (""), the agency for advertisers, else the advertiser.
func (o Owner) ExternalScope(k Kind) string {
	switch k {
	case KindAgency:
		return ""
	case KindAdvertiser:
		return TopicKey(KindAgency, o.Agency)
	}
	return TopicKey(KindAdvertiser, o.Advertiser)
}

// Filter selects entities of one kind, and their order. Zero fields ask nothing; a
// field that the kind does not have (the campaign of a creative) selects nothing.
type Filter struct {
	Agency     ID
	Advertiser ID
	Campaign   ID
	LineItem   ID
	Status     Status
	ExternalID string
	// Name is a part of the name, in whatever case.
	Name         string
	UpdatedSince time.Time

	Order      Order
	Descending bool
	// After and AfterKey are the id and the SortKey of the last entity of the page
	// before: the cursor. In the order of ids AfterKey is not looked at.
	After    ID
	AfterKey string
	Limit    int // 1 to MaxList; 0 is MaxList
}

// Order is what a list is sorted by; entities with equal keys are in the order of ids.
type Order string

// The orders.
const (
	OrderID      Order = "id" // where not said
	OrderName    Order = "name"
	OrderUpdated Order = "updated_at"
)

// SortKey is what e is sorted by in order o, as text: the name in lower case, or
// the nanoseconds of its last change since 1970.
func SortKey(e Entity, o Order) string {
	switch o {
	case OrderName:
		return strings.ToLower(e.Label())
	case OrderUpdated:
		return strconv.FormatInt(e.Head().UpdatedAt.UnixNano(), 10)
	}
	return ""
}

// MaxList bounds what one List returns.
const MaxList = 1_000

// Reader reads entities as they were last committed. What it returns belongs to
// the caller. It is safe for concurrent use.
type Reader interface {
	// Get returns ErrNotFound for an unknown id.
	Get(ctx context.Context, k Kind, id ID) (Entity, Owner, error)
	// List returns entities in the order that f says.
	List(ctx context.Context, k Kind, f Filter) ([]Entity, error)
	// KillSwitches returns every switch that was ever set, on or off.
	KillSwitches(ctx context.Context) ([]KillSwitch, error)
	// Changes returns the history that f selects, the newest first.
	Changes(ctx context.Context, f ChangeFilter) ([]Change, error)
}

// Tx is one write transaction. Every change also queues its record for the
// campaigns topic; both are committed or neither. It is for one goroutine, until
// the function it was handed to returns.
type Tx interface {
	Reader
	// Insert stores a new entity of owner and sets its id. The owner's own id
	// (an agency's, an advertiser's) is filled in.
	Insert(ctx context.Context, e Entity, owner Owner) error
	// Replace stores e, whose revision is one above the stored; otherwise ErrConflict.
	Replace(ctx context.Context, e Entity) error
	// RecordChange adds c to the history of an entity that this transaction wrote,
	// and sets its id.
	RecordChange(ctx context.Context, c *Change) error
	// SaveOperation is OperationStore's, within the transaction.
	SaveOperation(ctx context.Context, o Operation, rows []OperationRow) error
	// PutKillSwitch stores k as the next revision of its scope and target and sets it.
	PutKillSwitch(ctx context.Context, k *KillSwitch) error
}

// Store keeps the entities. It checks no rules: an Editor does.
type Store interface {
	Reader
	// Write runs f in a transaction, one at a time, and commits if f returns nil.
	Write(ctx context.Context, f func(Tx) error) error
}

// KeyStore keeps the API keys, as hashes.
type KeyStore interface {
	// CreateKey issues a key. plain is shown this once and kept nowhere.
	CreateKey(ctx context.Context, k APIKey) (plain string, stored APIKey, err error)
	// Authenticate returns ErrUnknownKey unless plain was issued and not revoked, and
	// ErrExpiredKey with who held it once its time is over.
	Authenticate(ctx context.Context, plain string) (Principal, error)
	// Keys lists the issued keys, revoked ones included.
	Keys(ctx context.Context) ([]APIKey, error)
	// RevokeKey ends a key for good; ErrNotFound for an unknown id.
	RevokeKey(ctx context.Context, id ID) error
}

// Get is Reader.Get for one type: Get[*Campaign](ctx, r, 7).
func Get[E Entity](ctx context.Context, r Reader, id ID) (e E, err error) {
	found, _, err := r.Get(ctx, e.Kind(), id)
	if err != nil {
		return e, err
	}
	return found.(E), nil
}

// List is Reader.List for one type.
func List[E Entity](ctx context.Context, r Reader, f Filter) ([]E, error) {
	var zero E
	found, err := r.List(ctx, zero.Kind(), f)
	if err != nil {
		return nil, err
	}
	out := make([]E, len(found))
	for i, e := range found {
		out[i] = e.(E)
	}
	return out, nil
}
