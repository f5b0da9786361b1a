package campaigns

import (
	"context"
	"encoding/json"
	"time"
)

// OperationStatus is how far a bulk edit is.
type OperationStatus string

// The statuses of operations.
const (
	OperationRunning OperationStatus = "running"
	OperationDone    OperationStatus = "done"
	// OperationFailed is of an atomic one of which nothing was stored, or of one that
	// a fault ended: what its rows say is stored is.
	OperationFailed OperationStatus = "failed"
)

// Operation is a bulk edit: its rows are edited one after the other.
type Operation struct {
	ID           ID              `json:"id"`
	Kind         Kind            `json:"kind"`
	Actor        string          `json:"actor"` // such as "user/7"
	Atomic       bool            `json:"atomic"`
	ValidateOnly bool            `json:"validate_only"`
	Status       OperationStatus `json:"status"`
	Detail       string          `json:"detail,omitempty"` // why it failed
	Total        int             `json:"total"`            // rows
	Done         int             `json:"done"`             // of them, in whichever way
	Created      int             `json:"created"`
	Updated      int             `json:"updated"`
	Failed       int             `json:"failed"`
	CreatedAt    time.Time       `json:"created_at"`
	UpdatedAt    time.Time       `json:"updated_at"`
}

// OperationRow is what became of one row.
type OperationRow struct {
	Row      int             `json:"row"`                // from 1
	Outcome  string          `json:"outcome"`            // created, updated, failed, or skipped: others of its atomic operation failed
	ID       ID              `json:"id,omitempty"`       // of the entity
	Revision int64           `json:"revision,omitempty"` // that it has now
	Problem  json.RawMessage `json:"problem,omitempty"`  // problem details of a failure
}

// OperationStore keeps operations for a month.
type OperationStore interface {
	// CreateOperation stores o and sets its id.
	CreateOperation(ctx context.Context, o *Operation) error
	// SaveOperation stores how far o is and what became of rows, outside of any edit.
	SaveOperation(ctx context.Context, o Operation, rows []OperationRow) error
	// Operation returns ErrNotFound for an unknown id.
	Operation(ctx context.Context, id ID) (Operation, error)
	// OperationRows are those after a row, of an outcome or ("") of any.
	OperationRows(ctx context.Context, id ID, outcome string, after, limit int) ([]OperationRow, error)
}
